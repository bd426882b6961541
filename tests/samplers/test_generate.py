"""Constrained samplers inside `generate` of KerasHub models, compiled."""

import keras
import keras_hub
import numpy as np
import pytest

from keras_tricks.samplers import ConstrainedBeamSampler
from keras_tricks.samplers import ConstrainedSampler
from keras_tricks.samplers import Trie
from keras_tricks.samplers import TrieConstraint
from tests.samplers.words import END
from tests.samplers.words import PAD
from tests.samplers.words import VOCABULARY
from tests.samplers.words import WORDS
from tests.samplers.words import read
from tests.samplers.words import spell
from tests.samplers.words import until_end

LENGTH = 11
PROMPTS = ("x", "why", "no", "z")
MODES = (True,) if keras.config.backend() == "torch" else (True, False)


def set_weights(model, seed):
    """The same weights on every backend, large enough to prefer some words."""
    rng = np.random.default_rng(seed)
    for weight in sorted(model.weights, key=lambda w: w.path):
        weight.assign(rng.normal(scale=0.5, size=weight.shape))
    return model


@pytest.fixture(scope="module")
def gpt2():
    backbone = keras_hub.models.GPT2Backbone(
        VOCABULARY, 1, 2, 8, 16, 0.0, max_sequence_length=LENGTH
    )
    model = keras_hub.models.GPT2CausalLM(backbone, preprocessor=None)
    return set_weights(model, 0)


@pytest.fixture(scope="module")
def bart():
    backbone = keras_hub.models.BartBackbone(
        VOCABULARY, 1, 2, 8, 16, 0.0, max_sequence_length=LENGTH
    )
    model = keras_hub.models.BartSeq2SeqLM(backbone, preprocessor=None)
    return set_weights(model, 1)


def constraint():
    return TrieConstraint(Trie([spell(w) for w in WORDS]), VOCABULARY, END)


def rows_of(prompts, pad=PAD):
    rows = np.full((len(prompts), LENGTH), pad, "int32")
    mask = np.zeros((len(prompts), LENGTH), "int32")
    for row, given, prompt in zip(rows, mask, prompts, strict=True):
        row[: len(prompt)] = spell(prompt)
        given[: len(prompt)] = 1
    return rows, mask


def generate(model, sampler, prompts=PROMPTS, jit=True, stop=(END,)):
    """The words after the prompts."""
    model.compile(sampler=sampler, jit_compile=jit and MODES != (True,))
    model.run_eagerly = not jit
    rows, mask = rows_of(prompts)
    inputs = {"token_ids": rows, "padding_mask": mask}
    prefix = ""
    if isinstance(model, keras_hub.models.Seq2SeqLM):
        inputs = {
            "encoder_token_ids": rows,
            "encoder_padding_mask": mask,
            "decoder_token_ids": rows,
            "decoder_padding_mask": mask,
        }
        prefix = "decoder_"
    outputs = model.generate(inputs, stop_token_ids=stop)
    found = outputs[f"{prefix}token_ids"]
    for row, prompt in zip(found, prompts, strict=True):
        assert read(row).startswith(prompt)
    return [
        until_end(row[len(prompt) :])
        for row, prompt in zip(found, prompts, strict=True)
    ]


def exhaustive(model, prompts):
    """The best word for each prompt by whole forward passes."""
    whole = [f"{p}{w}." for p in prompts for w in WORDS]
    rows = np.full((len(whole), LENGTH), PAD, "int32")
    for row, text in zip(rows, whole, strict=True):
        row[: len(text)] = [*spell(text[:-1]), END]
    inputs = {"token_ids": rows, "padding_mask": np.ones_like(rows)}
    if isinstance(model, keras_hub.models.Seq2SeqLM):
        given, mask = (
            np.repeat(x, len(WORDS), axis=0) for x in rows_of(prompts)
        )
        inputs = {
            "encoder_token_ids": given,
            "encoder_padding_mask": mask,
            "decoder_token_ids": rows,
            "decoder_padding_mask": np.ones_like(rows),
        }
    logits = keras.ops.convert_to_numpy(
        keras.ops.log_softmax(model(inputs), axis=-1)
    )
    scores = []
    for n, text in enumerate(whole):
        first = len(prompts[n // len(WORDS)])
        places = range(first, len(text))
        scores.append(sum(logits[n, i - 1, rows[n, i]] for i in places))
    best = np.array(scores).reshape(len(prompts), -1).argmax(axis=1)
    return [WORDS[i] for i in best]


@pytest.mark.parametrize(
    "name",
    [
        "greedy",
        "beam",
        "random",
        "contrastive",
        pytest.param("top_k", marks=pytest.mark.slow),
        pytest.param("top_p", marks=pytest.mark.slow),
    ],
)
def test_answers_of_a_causal_model_are_entries(gpt2, name):
    assert set(generate(gpt2, ConstrainedSampler(name, constraint()))) <= set(
        WORDS
    )


@pytest.mark.parametrize(
    "name",
    [
        "beam",
        "top_k",
        pytest.param("greedy", marks=pytest.mark.slow),
        pytest.param("top_p", marks=pytest.mark.slow),
        pytest.param("random", marks=pytest.mark.slow),
    ],
)
def test_answers_of_a_sequence_to_sequence_model_are_entries(bart, name):
    assert set(generate(bart, ConstrainedSampler(name, constraint()))) <= set(
        WORDS
    )


@pytest.mark.parametrize(
    ("name", "jit"), [("bart", True), *(("gpt2", mode) for mode in MODES)]
)
def test_beam_search_finds_the_best_entry(name, jit, request):
    model = request.getfixturevalue(name)
    sampler = ConstrainedBeamSampler(constraint(), num_beams=len(WORDS))
    assert generate(model, sampler, jit=jit) == exhaustive(model, PROMPTS)


def test_the_model_is_not_traced_twice_for_equal_shapes(gpt2):
    calls = []

    class Counting(TrieConstraint):
        def initial_state(self, batch_size):
            calls.append(batch_size)
            return super().initial_state(batch_size)

    trie = Trie([spell(w) for w in WORDS])
    counting = Counting(trie, VOCABULARY, END)
    gpt2.compile(sampler=ConstrainedSampler("greedy", counting))
    gpt2.run_eagerly = False
    rows, mask = rows_of(PROMPTS)
    for _ in range(3):
        gpt2.generate(
            {"token_ids": rows, "padding_mask": mask}, stop_token_ids=(END,)
        )
    assert len(calls) == (3 if keras.config.backend() == "torch" else 1)


def test_tables_are_no_variables_that_each_call_would_copy():
    for sampler in (
        ConstrainedSampler("greedy", constraint()),
        ConstrainedBeamSampler(constraint()),
    ):
        assert sampler.variables == []


def test_a_model_is_saved_with_its_sampler_compiled(gpt2, tmp_path):
    expected = generate(gpt2, ConstrainedBeamSampler(constraint(), 6))
    gpt2.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    found = generate(again, ConstrainedBeamSampler(constraint(), 6))
    assert found == expected


def test_all_beams_have_no_place_in_generate(gpt2):
    sampler = ConstrainedBeamSampler(constraint(), return_all_beams=True)
    with pytest.raises(ValueError, match="for calls of the sampler itself"):
        generate(gpt2, sampler)


def test_half_precision_models_give_entries():
    backbone = keras_hub.models.GPT2Backbone(
        VOCABULARY, 1, 2, 8, 16, 0.0, LENGTH, dtype="bfloat16"
    )
    model = keras_hub.models.GPT2CausalLM(backbone, preprocessor=None)
    set_weights(model, 0)
    sampler = ConstrainedBeamSampler(constraint(), 3)
    assert set(generate(model, sampler)) <= set(WORDS)
