"""From text to relations: an encoder, three span layers, and the way back."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_tricks._checks import check_instance
from keras_tricks._checks import check_positive_int
from keras_tricks.layers.efficient_global_pointer import EfficientGlobalPointer
from keras_tricks.losses.span_crossentropy import SpanCrossentropy
from keras_tricks.metrics.span_f1 import SpanF1
from keras_tricks.models._encode import encode
from keras_tricks.models._encode import load_preset
from keras_tricks.models._text_model import TextModel
from keras_tricks.text._decode_relation_rows import decode_relation_rows
from keras_tricks.text.relation import ROLES
from keras_tricks.text.relation import Relation
from keras_tricks.text.relation_preprocessor import RelationPreprocessor
from keras_tricks.text.span import read_texts


@keras.saving.register_keras_serializable(package="keras_tricks")
class RelationExtractor(TextModel):
    """Maps texts to (subject, predicate, object) relations.

    Which tokens begin and end a subject or an object, which first tokens and
    which last tokens does a predicate link? Each question is a span layer over
    the same token features, and a relation is what all of them allow:

    ```
    S(sh,st,p,oh,ot) > 0  where  entities[0,sh,st], entities[1,oh,ot],
                                 heads[p,sh,oh], tails[p,st,ot]  are all > 0
    ```

    Subjects and objects may nest, overlap and take part in many relations, and
    training is one step with no sampling of negatives: it sees what extraction
    sees. `compile()` takes `AdamW(5e-5)`, `SpanCrossentropy("sum")` for each
    output, and one metric: `heads_f1` and its precision and recall, of links
    that join a predicate and the first tokens of both ends. It comes closest
    to what `keras_tricks.text.score_relations` counts on the texts.

    When it does not help: where heads and tails each fit several stretches of
    text between the same tokens, relations can be read that no one wrote.

    With `factored=True` the layers give the factors of their scores (see
    `EfficientGlobalPointer`), and memory does not grow with `num_predicates ·
    length²`; training and results are the same.

    Args:
        backbone: As in `SpanExtractor`.
        preprocessor: A `keras_tricks.text.RelationPreprocessor`.
        head_dim: Features of the queries and keys of each span layer, even.
            Defaults to `64`.
        factored: Whether outputs are factors of scores, or the scores. Defaults
            to `True`.
        **kwargs: `name` of the model.

    Call arguments:
        inputs: Dict of the backbone's inputs and `span_mask`, each an int32
            tensor `(batch, length)`, as the preprocessor gives.

    Returns:
        A dict of scores: `entities` `(batch, 2, length, length)`, of first and
        last tokens of subjects and objects; `heads` and `tails`, each
        `(batch, num_predicates, length, length)`, of first or last tokens of
        subject and object. Or, as `factored` says, their factors.

    Raises:
        ValueError: If the backbone's inputs or outputs do not fit, or it takes
            shorter sequences than the preprocessor makes.

    Example:

    ```python
    preprocessor = RelationPreprocessor(tokenizer, ["born in", "met"], 128)
    model = RelationExtractor(backbone, preprocessor)
    model.compile()
    model.fit(["Ada was born in London."], [[((0, 3), "born in", (16, 22))]])
    model.extract(["Ada was born in London."])
    ```

    Reference:
        Su Jianlin, 2022, GPLinker: https://kexue.fm/archives/8888. There, ends
        may be special tokens or padding; here, only tokens that hold
        characters.
    """

    def __init__(
        self,
        backbone: Any,
        preprocessor: RelationPreprocessor,
        head_dim: int = 64,
        factored: bool = True,
        **kwargs: Any,
    ):
        check_instance("backbone", backbone, keras.Layer, "a Keras model")
        kind = RelationPreprocessor
        check_instance("preprocessor", preprocessor, kind, f"a {kind.__name__}")
        inputs, features = encode(backbone, preprocessor)
        # A link has no order, and says nothing of distance.
        link = dict(use_rotary=False, ordered=False)
        num_predicates = len(preprocessor.predicates)
        heads = {
            "entities": (len(ROLES), {}),
            "heads": (num_predicates, link),
            "tails": (num_predicates, link),
        }
        scores = {}
        for name, (num_types, options) in heads.items():
            layer = EfficientGlobalPointer(
                num_types,
                head_dim,
                **options,
                factored=factored,
                dtype=backbone.dtype_policy,
                name=name,
            )
            scores[name] = layer(features, mask=inputs["span_mask"])
        super().__init__(inputs=inputs, outputs=scores, **kwargs)
        self.backbone = backbone
        self.preprocessor = preprocessor
        self.head_dim = head_dim
        self.factored = factored

    @classmethod
    def from_preset(
        cls,
        preset: str,
        predicates: Sequence[str],
        sequence_length: int = 128,
        overlap: int | None = None,
        **kwargs: Any,
    ) -> "RelationExtractor":
        """Make an extractor on a pretrained KerasHub encoder.

        Args:
            preset: Name, `hf://` or `kaggle://` handle, or local folder of a
                KerasHub preset of an encoder.
            predicates: As in `RelationPreprocessor`.
            sequence_length: As in `RelationPreprocessor`. Defaults to `128`.
            overlap: As in `RelationPreprocessor`. Defaults to `None`.
            **kwargs: Arguments of the constructor.
        """
        backbone, tokenizer = load_preset(preset)
        preprocessor = RelationPreprocessor(
            tokenizer, predicates, sequence_length, overlap
        )
        return cls(backbone, preprocessor, **kwargs)

    def auto_loss(self) -> dict[str, SpanCrossentropy]:
        return {name: SpanCrossentropy("sum") for name in self.output_names}

    def auto_metrics(self) -> dict[str, list[SpanF1]]:
        # All three outputs would put thirteen numbers into the progress bar.
        return {"heads": [SpanF1(name="heads")]}

    def extract(
        self,
        texts: Sequence[str],
        threshold: float = 0.0,
        batch_size: int = 32,
    ) -> list[list[Relation]]:
        """Find the relations that each text states.

        Args:
            texts: List of strings.
            threshold: A relation is extracted where all four of its scores are
                above. Raise it for precision, lower it for recall. Defaults
                to `0.0`.
            batch_size: Rows scored at a time. Defaults to `32`.

        Returns:
            For each text a list of `Relation`, in reading order.
        """
        texts = read_texts(texts)
        check_positive_int("batch_size", batch_size)
        tokenized = self.preprocessor.tokenize(texts)
        return decode_relation_rows(
            self._scores_in_batches(tokenized.features, batch_size),
            texts,
            tokenized,
            self.preprocessor.predicates,
            threshold,
        )

    def get_config(self) -> dict:
        own = {"head_dim": self.head_dim, "factored": self.factored}
        return {**super().get_config(), **own}
