"""Which cells of which tables are compared, for each claim."""

from collections.abc import Iterable

from benchmarks._verdicts import Comparison

CLUENER = "CLUENER, small encoder from scratch: F1 on valid"
WNUT = "WNUT-17, MiniLM: F1 on test"
GERMEVAL = "GermEval 2014, small encoder from scratch: F1 on test"
STSB = {
    "sentence_similarity": "Spearman on the English STS benchmark, MiniLM",
    "similarity_from_scratch": "Spearman on the Chinese STS benchmark, small "
    "encoder from scratch",
}
POWELL = "Accuracy of the exact threshold against Powell's search"
TWO_DIGITS = "Two digits in a picture, accuracy, the first loss times {}"
CONFLICTS = "Steps at which a direction is uphill for a task"


def spans(better: str, than: str) -> tuple[Comparison, ...]:
    return tuple(
        Comparison("span_extraction", table, "F1", better, than)
        for table in (CLUENER, WNUT, GERMEVAL)
    )


def similarity(
    better: str, than: str, benchmarks: Iterable[str] = tuple(STSB)
) -> tuple[Comparison, ...]:
    return tuple(
        Comparison(benchmark, STSB[benchmark], "test", better, than)
        for benchmark in benchmarks
    )


def missed(scores: str) -> Comparison:
    names = "ours is worse", "Powell misses"
    return Comparison("thresholds", POWELL, f"{scores} scores", *names, True)


def answers(
    better: str,
    than: str,
    corpora: Iterable[str] = ("kgclue own", "kgclue random", "nlpcc own"),
) -> tuple[Comparison, ...]:
    return tuple(
        Comparison(
            "knowledge_qa",
            f"Answers from a knowledge base: {corpus}",
            "exact",
            better,
            than,
        )
        for corpus in corpora
    )


def weighted(better: str, factor: int) -> Comparison:
    column = "over single task"
    table = TWO_DIGITS.format(factor)
    return Comparison("multi_task", table, column, better, "equal weights")


def uphill(num_tasks: int) -> Comparison:
    names = [f"{num_tasks} tasks: mgda, {of}" for of in ("features", "exact")]
    return Comparison("multi_task", CONFLICTS, "steps", *names)


def from_any_rate(inner: str) -> Comparison:
    table = "Digits, the worst of seven learning rates: accuracy"
    names = [f"{inner}: {how}" for how in ("MetaStepSize", "plain")]
    return Comparison("optimizers", table, "worst rate", *names)


def excess(constraint: str) -> Comparison:
    table = "Excess loss of weights that keep to a set"
    row = f"{constraint}, 5 of 200 above 0"
    methods = "ExponentiatedGradient", "projected SGD"
    return Comparison("optimizers", table, row, *methods, lower=True)


def child(how: str) -> tuple[Comparison, ...]:
    what = "Fine-tuning MiniLM on few examples"
    tables = [
        f"{what}, {task}: Matthews’ correlation"
        for task in ("CoLA", "WNUT-17, does a post name anything")
    ]
    return tuple(
        Comparison("child_tuning", table, "500 examples", how, "AdamW")
        for table in tables
    )


def distance(at: str) -> Comparison:
    table = "Fréchet distance to digits, 8 × 8, lower is better"
    return Comparison("gan", table, at, "gn", "penalty", lower=True)
