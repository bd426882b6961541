"""What the sources claim, and which figures speak for or against it."""

from benchmarks._verdicts import Claim
from benchmarks._verdicts import Comparison

CLUENER = "CLUENER, small encoder from scratch: F1 on valid"
WNUT = "WNUT-17, MiniLM: F1 on test"
STSB = "Spearman on the English STS benchmark, MiniLM"
POWELL = "Accuracy of the exact threshold against Powell's search"
TASKS_IN_OTHER_UNITS = (
    "Two digits in a picture, accuracy, the first loss times 100"
)
CONFLICTS = "Steps at which a direction is uphill for a task"


def _spans(better: str, than: str) -> tuple[Comparison, ...]:
    return tuple(
        Comparison("span_extraction", table, "F1", better, than)
        for table in (CLUENER, WNUT)
    )


def _similarity(than: str) -> tuple[Comparison, ...]:
    return (Comparison("sentence_similarity", STSB, "test", "CoSENT", than),)


def _answers(better: str, than: str) -> tuple[Comparison, ...]:
    return tuple(
        Comparison(
            "knowledge_qa",
            f"Answers from a knowledge base: {corpus}",
            "exact",
            better,
            than,
        )
        for corpus in ("kgclue own", "kgclue random", "nlpcc own")
    )


def _weighted(better: str) -> Comparison:
    column = "over single task"
    table = TASKS_IN_OTHER_UNITS
    return Comparison("multi_task", table, column, better, "equal weights")


def _uphill(num_tasks: int) -> Comparison:
    names = [f"{num_tasks} tasks: mgda, {of}" for of in ("features", "exact")]
    return Comparison("multi_task", CONFLICTS, "steps", *names)


def _from_any_rate(inner: str) -> Comparison:
    table = "Digits, the worst of seven learning rates: accuracy"
    names = [f"{inner}: {how}" for how in ("MetaStepSize", "plain")]
    return Comparison("optimizers", table, "worst rate", *names)


def _excess(constraint: str) -> Comparison:
    table = "Excess loss of weights that keep to a set"
    row = f"{constraint}, 5 of 200 above 0"
    methods = "ExponentiatedGradient", "projected SGD"
    return Comparison("optimizers", table, row, *methods, lower=True)


def _child(how: str) -> tuple[Comparison, ...]:
    what = "Fine-tuning MiniLM on few examples"
    tables = [
        f"{what}, {task}: Matthews’ correlation"
        for task in ("CoLA", "WNUT-17, does a post name anything")
    ]
    return tuple(
        Comparison("child_tuning", table, "500 examples", how, "AdamW")
        for table in tables
    )


def _distance(at: str) -> Comparison:
    table = "Fréchet distance to digits, 8 × 8, lower is better"
    return Comparison("gan", table, at, "gn", "penalty", lower=True)


CLAIMS = (
    Claim(
        "EfficientGlobalPointer scores above GlobalPointer with a fraction of "
        "its weights",
        "[8877](https://kexue.fm/archives/8877)",
        "a small encoder, or MiniLM, in place of BERT-base",
        _spans("efficient", "standard"),
    ),
    Claim(
        "GlobalPointer scores above tagging each token",
        "[8373](https://kexue.fm/archives/8373)",
        "a softmax for each token in place of a CRF; a smaller encoder",
        _spans("standard", "softmax"),
    ),
    Claim(
        "CoSENT scores above the head of Sentence-BERT",
        "[8847](https://kexue.fm/archives/8847)",
        "MiniLM, pretrained for similarity, 960 pairs, one rate for all",
        _similarity("Sentence-BERT head"),
    ),
    Claim(
        "CoSENT scores above regression of the cosine",
        "[8847](https://kexue.fm/archives/8847)",
        "MiniLM, pretrained for similarity, 960 pairs, one rate for all",
        _similarity("cosine regression"),
    ),
    Claim(
        "MetaStepSize learns from any learning rate; the worst of seven is "
        "compared",
        "[8968](https://kexue.fm/archives/8968)",
        "digits and a small network, as in no source",
        (_from_any_rate("SGD"), _from_any_rate("Adam")),
    ),
    Claim(
        "Where weights must be sparse and in a set, multiplying them ends "
        "nearer to the best than projected gradient descent",
        "[8968](https://kexue.fm/archives/8968) has the method, no experiment",
        "convex problems of 200 weights; each method with its best rate",
        tuple(map(_excess, ("nonnegative", "simplex"))),
    ),
    Claim(
        "ChildTuning of updates beats AdamW where examples are few",
        "[8764](https://kexue.fm/archives/8764)",
        "MiniLM with four of six layers frozen, 500 examples",
        (*_child("F, update"), *_child("D, update")),
    ),
    Claim(
        "ChildTuning of gradients beats AdamW where examples are few",
        "[2109.05687](https://arxiv.org/abs/2109.05687)",
        "MiniLM with four of six layers frozen, 500 examples",
        (*_child("F, gradient"), *_child("D, gradient")),
    ),
    Claim(
        "Gradient normalization makes better samples than the gradient penalty",
        "[2109.02235](https://arxiv.org/abs/2109.02235); the post found not",
        "digits of 8 × 8, tiny nets; each method with the loss of its source",
        (_distance("equal steps"), _distance("equal time")),
    ),
    Claim(
        "Held to the entries of the knowledge base, a model answers more "
        "questions",
        "[8802](https://kexue.fm/archives/8802)",
        "a small model from scratch, a part of the knowledge base",
        _answers("greedy", "greedy, free"),
    ),
    Claim(
        "Looking ahead to the question's words answers more still",
        "[8802](https://kexue.fm/archives/8802)",
        "a small model from scratch, a part of the knowledge base",
        _answers("greedy, look-ahead", "greedy"),
    ),
    Claim(
        "A masked model reads an entry off a prefix tree better than off each "
        "position alone",
        "[7148](https://kexue.fm/archives/7148)",
        "entries of a knowledge base in place of passages; an exact search",
        _answers("masked, best path", "masked, each position alone"),
    ),
    Claim(
        "Weights free of the losses' units train better than equal ones where "
        "units differ",
        "[8870](https://kexue.fm/archives/8870)",
        "the post has no experiment; two digits in a picture, a small network",
        tuple(map(_weighted, ("initial", "dynamic", "normalized_sum"))),
    ),
    Claim(
        "The shortest combination of the gradients by shared features can be "
        "uphill for a task",
        "[8896](https://kexue.fm/archives/8896)",
        "the post has an example of two vectors; here counted in training",
        tuple(map(_uphill, (2, 4, 8))),
    ),
)
