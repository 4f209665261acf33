"""Laws of what all learned models share: convolutions, networks, figures of a card, the range of what is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from braggline_models.errors import BadInput
from braggline_models.learned import NAMES
from braggline_models.learned.figures import auc, f1, figure, mean, median, share
from braggline_models.learned.model import Model
from braggline_models.learned.networks import Conv3d, Encoder, UNet
from braggline_models.learned.range import fitted_range
from braggline_models.learned.tasks import task


def test_our_convolution_is_torchs_with_its_gradients() -> None:
    torch.manual_seed(0)
    for kernel, stride, padding in ((3, 1, 1), (2, 2, 0), (1, 1, 0)):
        ours = Conv3d(4, 6, kernel, stride=stride, padding=padding)
        theirs = torch.nn.Conv3d(4, 6, kernel, stride=stride, padding=padding)
        theirs.load_state_dict(ours.state_dict())
        x = torch.randn(1, 4, 8, 8, 8)
        torch.testing.assert_close(ours(x), theirs(x))
        for conv in (ours, theirs):
            conv(x).square().sum().backward()
        torch.testing.assert_close(ours.weight.grad, theirs.weight.grad, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("dimensions", "side"), [(2, 16), (3, 8)])
def test_networks_keep_or_shrink_as_they_say(dimensions: int, side: int) -> None:
    x = torch.randn(2, 3, *(side,) * dimensions)
    assert UNet(dimensions, 3, 5, (8, 16, 24))(x).shape == (2, 5, *(side,) * dimensions)
    assert Encoder(dimensions, 3, 7, (8, 16))(x).shape == (2, 7)


def test_auc_and_f1_are_those_of_the_textbook() -> None:
    rng = np.random.default_rng(0)
    good = rng.random(200) < 0.4
    score = np.round(good + rng.normal(size=200), 1)  # with ties
    pairs = np.sign(score[good][:, None] - score[~good])
    assert auc(np.stack([score, good], axis=1)) == pytest.approx(0.5 + 0.5 * pairs.mean())
    said = score > 0.5
    counts = np.stack([said & good, said & ~good, ~said & good], axis=1).astype(float)
    precision, recall = (said & good).sum() / said.sum(), (said & good).sum() / good.sum()
    assert f1(counts) == pytest.approx(2 * precision * recall / (precision + recall))
    assert np.isnan(auc(np.ones((5, 2))))
    assert np.isnan(f1(np.zeros((3, 3))))


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(100):
        found = figure("x", "all", "learned", rng.normal(3.0, 1.0, (40, 1)), mean)
        held += found.low < 3.0 < found.high
    assert 88 <= held <= 100


def test_what_is_no_number_is_left_out() -> None:
    values = np.array([[1.0], [np.nan], [3.0], [8.0]])
    assert (mean(values), median(values)) == (4.0, 3.0)
    assert np.isnan(mean(np.full((2, 1), np.nan)))
    assert share(np.array([[1.0, 2.0], [0.0, 2.0]])) == 0.25


def test_the_range_knows_its_own_and_refuses_strangers() -> None:
    rng = np.random.default_rng(2)
    mixing = rng.normal(size=(4, 4))
    known = fitted_range(rng.normal(size=(500, 4)) @ mixing)
    assert (known.score(rng.normal(size=(1000, 4)) @ mixing) < 1).mean() > 0.99
    assert (known.score(10 * rng.normal(size=(100, 4)) @ mixing) > 1).mean() > 0.9
    assert known.score(np.array([[0.0, np.nan, 0.0, 0.0]]))[0] == np.inf


def test_a_model_takes_numbers_only() -> None:
    known = fitted_range(np.random.default_rng(0).normal(size=(50, 1)))
    model = Model("some", 1, "0" * 64, torch.nn.Identity(), known, lambda x: x.mean(dim=(1, 2)).numpy()[:, None])
    assert model(torch.ones(1, 2, 2)).shape == (1, 2, 2)
    for wrong in (np.nan, np.inf):
        with pytest.raises(BadInput, match="stands back"):
            model(torch.full((1, 2, 2), wrong))
    assert model.outside(torch.full((1, 2, 2), 100.0)) > 1


@pytest.mark.parametrize("name", NAMES)
def test_a_task_is_whole(name: str) -> None:
    of = task(name)
    assert of.name == name
    assert all(text.strip() for text in (of.aim, of.control, of.data_range))
    assert of.measures
    assert len(set(of.bins)) == len(of.bins)
    one, two = (of.batch(np.random.default_rng([1, 5])) for _ in range(2))
    assert torch.equal(one.inputs, two.inputs)
    assert all(torch.equal(a, b) for a, b in zip(one.targets, two.targets, strict=True))
    assert one.inputs.dtype == torch.float32
    features = of.features(one.inputs)
    assert features.shape[0] == len(one.inputs)
    assert np.isfinite(features).all()
    torch.manual_seed(0)
    loss = of.loss(of.network(), one)
    assert loss.shape == ()
    assert torch.isfinite(loss)


def test_unknown_tasks_are_refused_with_the_known() -> None:
    with pytest.raises(BadInput, match="known are"):
        task("oracle")
