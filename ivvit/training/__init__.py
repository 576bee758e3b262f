"""Floor 3: optimisers, schedules, update rules, the loop, checkpoints, evaluation. Knows no workflow and no tracker."""
