"""A checkpoint changes the graph while another job has written its output but not ended: all is done nevertheless.

Between a job's last write and the moment when Snakemake hears of its end lies a poll of Slurm's: common there.
"""

from pathlib import Path

import pytest
from workspace import STUDY, Workspace, run

MORE = """\
  tuned: {extends: images, from_study: rate}
  other: {extends: images, lr_schedule: constant}
studies:
  rate: {base: images, n_trials: 1, space: {optimizer.lr: {low: 1.0e-4, high: 1.0e-2, log: true}}}
"""
WAIT = """

def until(pattern: str, words: str = "") -> None:
    import glob, time
    while not any(words in open(file).read() for file in glob.glob(pattern)):
        time.sleep(0.1)
"""
ENDS = """
    if name == "other":
        open("written", "w").close()
        until(".snakemake/log/*.log", "(Rule: study)")  # which changes the graph before anything else is looked at
"""
LATE = {
    "evaluate": ("    evaluate_today(identities, name, seed)\n", f"    evaluate_today(identities, name, seed){ENDS}"),
    "train": (
        "    return train_one(jobs, name, seed, evaluate=args.identity is None)",
        f"    status = train_one(jobs, name, seed, evaluate=args.identity is None){ENDS}    return status",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("late", ["evaluate", "train"])
def test_a_job_that_ends_late(late: str, small: Workspace, tmp_path: Path) -> None:
    workspace = small.copy(tmp_path / "it")
    workspace.edit("config/config.yaml", "runtime:", f"{MORE}runtime:")
    changes = [(late, *LATE[late]), ("study", "        finish(job,", '        until("written")\n        finish(job,')]
    for command, old, new in changes:  # of commands, so that nothing becomes stale
        workspace.edit(f"ivvit/cli/{command}.py", old, new)
        path = workspace / f"ivvit/cli/{command}.py"
        path.write_text(path.read_text() + WAIT)
    outcome = workspace.run()
    assert outcome.status == 0 and outcome.jobs == {*STUDY, *run("tuned/0"), *run("other/0")}, outcome.text
    assert {row["state"] for row in workspace.states().values()} == {"fresh"}
