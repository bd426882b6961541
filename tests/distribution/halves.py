"""On one device, what two replicas do that see half of a batch each."""

from keras import tree

from tests.checks import trainings


def fit(model, x, y):
    """Train on the mean of the losses of both halves of each batch."""
    model.compute_loss = of_halves(model.compute_loss)
    return trainings.fit(model, x, y)


def of_halves(compute_loss):
    def mean_of_two(x, y, y_pred, sample_weight=None, training=True):
        found = [
            compute_loss(*parts, None, training)
            for parts in zip(*map(halves, (x, y, y_pred)), strict=True)
        ]
        return sum(found) / 2

    return mean_of_two


def halves(structure):
    """The two halves of a batch."""
    half = trainings.BATCH // 2
    return [
        tree.map_structure(lambda rows, part=part: rows[part], structure)
        for part in (slice(half), slice(half, None))
    ]
