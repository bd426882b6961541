"""Spans in a terminal, and a picture of the scores behind them."""

import os
import sys

import numpy as np

COLOURS = (34, 32, 35, 33, 36, 31, 94, 92, 95, 93, 96, 91)


def _paint(text, label):
    if not sys.stdout.isatty() or "NO_COLOR" in os.environ:
        return text
    # The same label has the same colour in every run.
    colour = COLOURS[sum(label.encode()) % len(COLOURS)]
    return f"\033[{colour}m{text}\033[0m"


def legend(labels):
    """Labels in their colours."""
    return "Labels: " + ", ".join(_paint(name, name) for name in sorted(labels))


def bracketed(text, spans):
    """The text with `[words]label` around each span, inner ones inside."""
    opening, closing = {}, {}
    for start, end, label, *_ in sorted(spans, key=lambda s: (s[0], -s[1])):
        opening.setdefault(start, []).append(_paint("[", label))
        closing.setdefault(end, []).insert(0, _paint(f"]{label}", label))
    pieces = []
    for at in range(len(text) + 1):
        pieces += closing.get(at, [])
        pieces += opening.get(at, [])
        pieces.append(text[at : at + 1])
    return "".join(pieces)


def draw_scores(model, texts, found, folder):
    """Draw the scores of every token pair of a text with nested spans."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    number = _most_nested(texts, found)
    tokenized = model.preprocessor.tokenize([texts[number]])
    offsets = tokenized.offsets[0]
    (tokens,) = np.nonzero(offsets[:, 1] > offsets[:, 0])
    scores = model.predict([texts[number]], verbose=0)[0].astype("float32")
    scores = scores[:, tokens][:, :, tokens]
    words = [texts[number][start:end] for start, end in offsets[tokens]]
    labels = model.preprocessor.labels
    used = sorted({labels.index(span.label) for span in found[number]}) or [0]

    side = max(4.0, 0.28 * len(words))
    figure, axes = pyplot.subplots(
        1,
        len(used),
        figsize=(side * len(used) + 1, side),
        squeeze=False,
        layout="compressed",
    )
    ordered = np.triu(np.ones((len(words), len(words)), bool))
    for axis, kind in zip(axes[0], used, strict=True):
        image = axis.imshow(
            np.where(ordered, scores[kind], np.nan),
            cmap="RdBu_r",
            vmin=-12,  # Nothing below is close to a span.
            vmax=12,
        )
        for i, j in np.argwhere((scores[kind] > 0) & ordered):
            axis.add_patch(
                pyplot.Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, lw=1.5)
            )
        axis.set_title(labels[kind])
        axis.set_xticks(range(len(words)), words, rotation=90)
        axis.set_yticks(range(len(words)), words)
        axis.set_xlabel("end token")
    axes[0][0].set_ylabel("start token")
    figure.colorbar(
        image, ax=axes, label="score (a span where > 0)", extend="both"
    )
    path = folder / "score_matrix.png"
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path


def _most_nested(texts, found):
    """The text of at most 90 characters with most spans inside spans."""

    def nested(n):
        return sum(
            (a.start <= b.start and b.end <= a.end and a != b)
            for a in found[n]
            for b in found[n]
        )

    short = [n for n in range(len(texts)) if len(texts[n]) <= 90] or [0]
    return max(short, key=lambda n: (nested(n), len(found[n])))
