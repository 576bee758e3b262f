"""Training on a GPU: the loop never waits for it, and a stopped run ends like an undisturbed one."""

import pytest
import torch
from safetensors.torch import load_file
from training_runs import job, stop_at, train_stopped

from ivvit.numerics.training import Training
from ivvit.numerics.world import World
from ivvit.runs.feed import Feed
from ivvit.runs.inputs import initial_weights, samples_of
from ivvit.runs.run import train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")


@pytest.mark.parametrize("rule", ["cumulative", "sequential", "joint"])
def test_iterations_do_not_wait_for_the_gpu(rule, data, tmp_path):
    wanted = job(data, tmp_path, update_rule=rule, precision="bf16", grad_clip=1.0, ema=0.9)
    device = torch.device("cuda", 0)
    training = Training(wanted.experiment, 0, samples_of(wanted, "train"), initial_weights(wanted), device, World())
    feed, trainer = Feed(wanted, training, World(), device), training.trainer
    for iteration, batches in enumerate(feed.batches(0)):
        torch.cuda.set_sync_debug_mode("error" if iteration > 1 else "default")  # the first ones make buffers
        try:
            trainer.run(iteration, batches)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    trainer.assert_finite()


def test_a_stopped_run_ends_like_an_undisturbed_one(data, tmp_path):
    settings = {"validation": {"every": 1}, "runtime": {"gpus": 1}}
    train(job(data, tmp_path / "whole", **settings))
    stops = train_stopped(lambda _: job(data, tmp_path / "stopped", **settings), stop_at(2, 4))
    assert stops == 2
    whole, stopped = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "stopped"))
    for name in whole:
        torch.testing.assert_close(whole[name], stopped[name], msg=name)
