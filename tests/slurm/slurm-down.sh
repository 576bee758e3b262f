#!/usr/bin/env bash
# End all jobs and stop the daemons that slurm-up.sh started, by PID file. Idempotent.
set -u
stop() { # PIDFILE NAME
  [ -s "$1" ] || return 0
  local p; p=$(cat "$1")
  running() { grep -qa "$2" "/proc/$1/cmdline" 2>/dev/null; }      # false for a zombie
  if running "$p" "$2"; then
    kill "$p"; for _ in $(seq 100); do running "$p" "$2" || break; sleep 0.1; done
    running "$p" "$2" && kill -9 "$p"
  fi
  rm -f "$1"
}
if [ -s /run/slurm-local/slurmctld.pid ]; then
  timeout 5 scancel -u "$(id -un)" 2>/dev/null
  # a job's processes outlive the daemons, so wait for their end
  for _ in $(seq 100); do [ -n "$(timeout 5 squeue -h 2>/dev/null)" ] || break; sleep 0.1; done
fi
for pid in /run/slurm-local/slurmd-*.pid; do stop "$pid" slurmd; done
stop /run/slurm-local/slurmctld.pid slurmctld
[ -e /run/slurm-local/munged-is-ours ] && stop /run/munge/munged.pid munged && rm /run/slurm-local/munged-is-ours
rm -f /etc/slurm/slurm.conf /etc/slurm/gres.conf   # else every snakemake start waits 10 s for scontrol
echo "slurm is down"
