"""Span heads, and tagging beside them, as models that train and extract."""

import keras

from benchmarks._token_tagging import TagCrossentropy
from benchmarks._token_tagging import spans_to_tags
from benchmarks._token_tagging import tag_scores
from benchmarks._token_tagging import tags_to_spans
from benchmarks._token_tagging import valid_tags
from keras_tricks.losses import SpanCrossentropy
from keras_tricks.models import SpanExtractor
from keras_tricks.text import score_spans

HEADS = ("efficient", "standard", "softmax")


class Run:
    """One head on one encoder: its model, its training data, its spans."""

    def __init__(self, head, encoder, preprocessor, texts, spans):
        self.head, self.preprocessor = head, preprocessor
        self.model = SpanExtractor(encoder, preprocessor, _kind(head))
        encoder_size = encoder.count_params()
        self.tokenized = preprocessor.tokenize(texts)
        self.labels = preprocessor.label(texts, spans, self.tokenized)
        self.loss, self.missed = SpanCrossentropy(), 0
        if head == "softmax":
            features = self.model.get_layer("span_scores").input[0]
            self.model = keras.Model(
                self.model.inputs,
                tag_scores(features, len(preprocessor.labels)),
            )
            mask = self.tokenized.features["span_mask"]
            self.labels, self.missed = spans_to_tags(self.labels, mask)
            self.loss = TagCrossentropy()
        self.size = self.model.count_params() - encoder_size

    def compile(self, rate, steps):
        """Adam with decay, a tenth of the steps for the rate to rise."""
        rise = max(steps // 10, 1)
        schedule = keras.optimizers.schedules.CosineDecay(
            0.0, steps - rise, warmup_target=rate, warmup_steps=rise
        )
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.01)
        self.model.compile(optimizer, self.loss, metrics=[])

    def select(self, rows=slice(None), features=None):
        features = features or self.tokenized.features
        names = [tensor.name for tensor in self.model.inputs]
        return {name: features[name][rows] for name in names}

    def extract(self, texts, nested=False):
        """Spans of texts by the name of the way they were found."""
        if self.head != "softmax":
            found = self.model.extract(texts, allow_overlap=nested)
            return {self.head: found}
        tokenized = self.preprocessor.tokenize(texts)
        features = self.select(features=tokenized.features)
        scores = self.model.predict(features, verbose=0)
        ways = {
            self.head: lambda row: row.argmax(axis=-1),
            f"{self.head}, valid tags": valid_tags,
        }
        found = {name: [set() for _ in texts] for name in ways}
        for number, offsets, row in zip(
            tokenized.rows, tokenized.offsets, scores, strict=True
        ):
            written = offsets[:, 1] > offsets[:, 0]
            for name, way in ways.items():
                found[name][number].update(
                    tags_to_spans(
                        way(row[written]),
                        offsets[written],
                        self.preprocessor.labels,
                    )
                )
        return {name: list(map(list, each)) for name, each in found.items()}


def _kind(head):
    return "efficient" if head == "softmax" else head


def scores_of(found, gold, nested=False):
    """Points of F1, precision and recall; of recall inside other spans too."""
    scores = score_spans(found, gold)
    points = {
        name: 100 * scores[name.lower()]
        for name in ("F1", "precision", "recall")
    }
    if nested:
        inner = [list(filter(is_inside(spans), spans)) for spans in gold]
        points["recall inside"] = 100 * score_spans(found, inner)["recall"]
    return points


def is_inside(spans):
    """Whether a span lies in another of these."""
    return lambda span: any(
        other != span and other[0] <= span[0] and span[1] <= other[1]
        for other in spans
    )
