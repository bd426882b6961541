"""What the sources claim, and which figures speak for or against it."""

from benchmarks._comparisons import answers
from benchmarks._comparisons import child
from benchmarks._comparisons import distance
from benchmarks._comparisons import excess
from benchmarks._comparisons import from_any_rate
from benchmarks._comparisons import missed
from benchmarks._comparisons import similarity
from benchmarks._comparisons import spans
from benchmarks._comparisons import uphill
from benchmarks._comparisons import weighted
from benchmarks._verdicts import Claim

SIMILARITY_DIFFERS = (
    "MiniLM, pretrained for similarity, or a small encoder from scratch; 1,920 "
    "and 1,500 pairs"
)


CLAIMS = (
    Claim(
        "EfficientGlobalPointer scores above GlobalPointer with a fraction of "
        "its weights",
        "[8877](https://kexue.fm/archives/8877)",
        "a small encoder, or MiniLM, in place of BERT-base",
        spans("efficient", "standard"),
    ),
    Claim(
        "GlobalPointer scores above tagging each token",
        "[8373](https://kexue.fm/archives/8373)",
        "a softmax for each token in place of a CRF; a smaller encoder",
        spans("standard", "softmax, valid tags"),
    ),
    Claim(
        "CoSENT scores above the head of Sentence-BERT",
        "[8847](https://kexue.fm/archives/8847)",
        SIMILARITY_DIFFERS,
        similarity("CoSENT", "Sentence-BERT head"),
    ),
    Claim(
        "CoSENT scores above regression of the cosine",
        "[8847](https://kexue.fm/archives/8847)",
        SIMILARITY_DIFFERS,
        similarity("CoSENT", "cosine regression"),
    ),
    Claim(
        "A model that reads both texts at once scores above CoSENT",
        "[8860](https://kexue.fm/archives/8860)",
        "MiniLM, pretrained to make the vectors of single texts; 1,920 graded "
        "pairs, where the post has thousands of yes and no",
        similarity("interaction", "CoSENT", ["sentence_similarity"]),
    ),
    Claim(
        "The published search for a threshold, by Powell's method, misses a "
        "better one; the exact search does not",
        "[8860](https://kexue.fm/archives/8860) has the method, no comparison",
        "drawn scores of 0/1 labels; shares of sets are compared",
        tuple(map(missed, ("wide", "narrow", "low"))),
    ),
    Claim(
        "MetaStepSize learns from any learning rate; the worst of seven is "
        "compared",
        "[8968](https://kexue.fm/archives/8968)",
        "digits and a small network, as in no source",
        (from_any_rate("SGD"), from_any_rate("Adam")),
    ),
    Claim(
        "Where weights must be sparse and in a set, multiplying them ends "
        "nearer to the best than projected gradient descent",
        "[8968](https://kexue.fm/archives/8968) has the method, no experiment",
        "convex problems of 200 weights; each method with its best rate",
        tuple(map(excess, ("nonnegative", "simplex"))),
    ),
    Claim(
        "ChildTuning of updates beats AdamW where examples are few",
        "[8764](https://kexue.fm/archives/8764)",
        "MiniLM with four of six layers frozen, 500 examples",
        (*child("F, update"), *child("D, update")),
    ),
    Claim(
        "ChildTuning of gradients beats AdamW where examples are few",
        "[2109.05687](https://arxiv.org/abs/2109.05687)",
        "MiniLM with four of six layers frozen, 500 examples",
        (*child("F, gradient"), *child("D, gradient")),
    ),
    Claim(
        "Gradient normalization makes better samples than the gradient penalty",
        "[2109.02235](https://arxiv.org/abs/2109.02235); the post found not",
        "digits of 8 × 8, tiny nets; each method with the loss of its source",
        (distance("equal steps"), distance("equal time")),
    ),
    Claim(
        "Held to the entries of the knowledge base, a model answers more "
        "questions",
        "[8802](https://kexue.fm/archives/8802)",
        "a small model from scratch, a part of the knowledge base",
        answers("greedy", "greedy, free"),
    ),
    Claim(
        "Looking ahead to the question's words answers more still",
        "[8802](https://kexue.fm/archives/8802)",
        "a small model from scratch, a part of the knowledge base",
        answers("greedy, look-ahead", "greedy"),
    ),
    Claim(
        "A masked model reads an entry off a prefix tree better than off each "
        "position alone",
        "[7148](https://kexue.fm/archives/7148)",
        "entries of a knowledge base in place of passages; an exact search",
        answers(
            "masked, best path",
            "masked, each position alone",
            ("kgclue own", "kgclue random"),
        ),
    ),
    Claim(
        "Weights free of the losses' units train better than equal ones where "
        "units differ",
        "[8870](https://kexue.fm/archives/8870)",
        "the post has no experiment; two digits in a picture, a small network",
        tuple(
            weighted(name, 100)
            for name in ("initial", "dynamic", "normalized_sum")
        ),
    ),
    Claim(
        "Combining the gradients of tasks trains better than adding them up, "
        "units being the same",
        "[8896](https://kexue.fm/archives/8896), "
        "[2406.16232](https://arxiv.org/abs/2406.16232), "
        "[2202.01017](https://arxiv.org/abs/2202.01017)",
        "two digits in a picture, a small network; by shared features",
        tuple(weighted(name, 1) for name in ("mgda", "upgrad", "nash_mtl")),
    ),
    Claim(
        "The shortest combination of the gradients by shared features can be "
        "uphill for a task",
        "[8896](https://kexue.fm/archives/8896)",
        "the post has an example of two vectors; here counted in training",
        tuple(map(uphill, (2, 4, 8))),
    ),
)
