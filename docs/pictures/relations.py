"""Draw what a relation is to `RelationExtractor`: two spans and two links."""

import tokenizers

from _style import pyplot
from _style import save
from keras_tricks.text import RelationPreprocessor

TEXT = "Ada Lovelace wrote about the Analytical Engine"
SUBJECT, OBJECT = (0, 12), (29, 46)


def main():
    words = TEXT.split()
    vocabulary = {word: n for n, word in enumerate(["[UNK]", *words])}
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    preprocessor = RelationPreprocessor(tokenizer, ["wrote about"], len(words))
    _, labels = preprocessor([TEXT], [[(SUBJECT, "wrote about", OBJECT)]])

    figure, axis = pyplot.subplots(figsize=(9, 3.4))
    for place, word in enumerate(words):
        axis.text(place, 0, word, ha="center", va="center", fontsize=12)
    names = ["subject", "object"]
    for kind, first, last in labels["entities"][0].tolist():
        box = pyplot.Rectangle(
            (first - 0.48, -0.6), last - first + 0.96, 0.9, fill=False, ec="C0"
        )
        axis.add_patch(box)
        middle = (first + last) / 2
        axis.text(middle, -0.42, names[kind], color="C0", ha="center")
    for name, colour, sign in (("heads", "C1", 1), ("tails", "C3", -1)):
        _, start, end = labels[name][0, 0].tolist()
        arrow = dict(
            arrowstyle="->",
            color=colour,
            connectionstyle=f"arc3,rad={-0.3 * sign}",
            lw=1.6,
        )
        level = 0.36 if sign > 0 else -0.66
        axis.annotate(
            "", (end, level), (start, level), arrowprops=arrow, zorder=0
        )
        axis.text(
            (start + end) / 2,
            1.75 if sign > 0 else -2.05,
            f'{name}["wrote about", {words[start]}, {words[end]}]',
            color=colour,
            ha="center",
            va="center",
        )
    axis.set_xlim(-0.7, len(words) - 0.3)
    axis.set_ylim(-2.3, 2.0)
    axis.axis("off")
    save(figure, "relations")


if __name__ == "__main__":
    main()
