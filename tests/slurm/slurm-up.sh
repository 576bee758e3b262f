#!/usr/bin/env bash
# Bring up a one-node Slurm "cluster" on this machine, by hand (no systemd), as root. Idempotent.
# SLURM_FAKE_GPUS=N (default 1) fake GPUs, so that --gres=gpu:1 / --gpus=1 requests can be scheduled.
# SLURM_NODES=N (default 1): as many nodes, all on this machine, each with all of its CPUs and fake GPUs.
# SLURM_GPU_MODEL=NAME (default fake): what --gpus=NAME:1 asks for.
# Exit status 69 and one line on stderr: Slurm is not here and cannot be installed, or its daemons do not run here.
# No accounting: use `--slurm-status-command squeue` with snakemake-executor-plugin-slurm.
set -euo pipefail
GPUS=${SLURM_FAKE_GPUS:-1} NODES=${SLURM_NODES:-1} MODEL=${SLURM_GPU_MODEL:-fake}
STATE=/var/lib/slurm-local RUN=/run/slurm-local LOG=/var/log/slurm-local ETC=/etc/slurm

# --- install, if need be; a mirror that does not answer costs a minute, not for ever
have() { local name; for name in "$@"; do command -v "$name" >/dev/null || return 1; done; }
impossible() { echo "Slurm is not installed and cannot be: $1" >&2; exit 69; }
quietly() { # SECONDS apt-get ARGUMENTS
  DEBIAN_FRONTEND=noninteractive timeout -k 10 "$@" -qq -o Acquire::Retries=1 -o Acquire::http::Timeout=15 \
    -o Acquire::https::Timeout=15 -o DPkg::Lock::Timeout=30 -o APT::Update::Error-Mode=any </dev/null >/dev/null 2>&1
}
if ! have slurmctld slurmd squeue munged; then
  have apt-get || impossible "there is no apt-get"
  quietly 60 apt-get update || impossible "apt-get update did not get its package lists"
  quietly 300 apt-get install -y --no-install-recommends slurmctld slurmd slurm-client munge ||
    impossible "apt-get install slurmctld slurmd slurm-client munge failed"
  OURS=1   # a munged that the package started is ours, too
fi
# by command line, not kill -0: a daemon that ended may stay a zombie where PID 1 does not reap
alive() { [ -s "$1" ] && grep -qa "$2" "/proc/$(cat "$1" 2>/dev/null)/cmdline" 2>/dev/null; }

mkdir -p "$ETC" "$STATE/ctld" "$STATE/d" "$RUN" "$LOG"

# --- munge (runs as its own user; wants its own 0755 run directory and a 0400 key)
install -d -o munge -g munge -m 0755 /run/munge
install -d -o munge -g munge -m 0700 /var/log/munge /etc/munge
[ -s /etc/munge/munge.key ] || { head -c 1024 /dev/urandom >/etc/munge/munge.key; chown munge: /etc/munge/munge.key; chmod 400 /etc/munge/munge.key; }
alive /run/munge/munged.pid munged || { setpriv --reuid=munge --regid=munge --clear-groups /usr/sbin/munged; OURS=1; }
[ -z "${OURS:-}" ] || touch "$RUN/munged-is-ours"
for _ in $(seq 50); do munge -n </dev/null 2>/dev/null | unmunge >/dev/null 2>&1 && break; sleep 0.1; done

# --- slurm.conf from the machine itself
HOST=$(hostname -s)
HW=$(slurmd -C | sed -n 's/^NodeName=[^ ]* *//p' | head -1)          # CPUs=.. Boards=.. RealMemory=..
MEM=$(sed -n 's/.*RealMemory=\([0-9]*\).*/\1/p' <<<"$HW"); HW=${HW/RealMemory=$MEM/RealMemory=$((MEM * 95 / 100))}
NAMES=$HOST; [ "$NODES" -gt 1 ] && NAMES="$HOST-node[1-$NODES]"
GRES=""; [ "$GPUS" -gt 0 ] && GRES="Gres=gpu:$MODEL:$GPUS"
cat >"$ETC/slurm.conf.new" <<CONF
ClusterName=local
SlurmctldHost=$HOST(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=cred_expire=5
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPort=6817
StateSaveLocation=$STATE/ctld
SlurmdSpoolDir=$STATE/d-%n
SlurmctldPidFile=$RUN/slurmctld.pid
SlurmdPidFile=$RUN/slurmd-%n.pid
SlurmctldLogFile=$LOG/slurmctld.log
SlurmdLogFile=$LOG/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=sched_interval=1,sched_min_interval=10000,bf_interval=1
MpiDefault=none
MailProg=/bin/true
ReturnToService=2
MinJobAge=3600
InactiveLimit=0
KillWait=2
OverTimeLimit=0
SlurmctldTimeout=30
SlurmdTimeout=60
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName=$NAMES NodeHostname=$HOST NodeAddr=127.0.0.1 Port=$([ "$NODES" -gt 1 ] && echo "[17001-$((17000 + NODES))]" || echo 17001) $HW $GRES State=UNKNOWN
PartitionName=cpu Nodes=$NAMES Default=YES MaxTime=1-00:00:00 DefMemPerCPU=512 State=UP
PartitionName=gpu Nodes=$NAMES MaxTime=1-00:00:00 DefMemPerCPU=512 State=UP
CONF
: >"$ETC/gres.conf.new"
for i in $(seq 0 $((GPUS - 1))); do                       # any distinct character device will do
  dev=$(printf '%s\n' /dev/null /dev/zero /dev/full /dev/random /dev/urandom | sed -n "$((i + 1))p")
  echo "NodeName=$NAMES Name=gpu Type=$MODEL File=${dev:?at most 5 fake GPUs}" >>"$ETC/gres.conf.new"
done
changed=0
for f in slurm.conf gres.conf; do
  if cmp -s "$ETC/$f.new" "$ETC/$f"; then rm "$ETC/$f.new"; else mv "$ETC/$f.new" "$ETC/$f"; changed=1; fi
done
stop() { # PIDFILE NAME
  if alive "$1" "$2"; then
    kill "$(cat "$1")"; for _ in $(seq 100); do alive "$1" "$2" || break; sleep 0.1; done
  fi
}
if [ "$changed" = 1 ]; then   # a changed configuration needs new daemons, and their nodes forgotten
  for pid in "$RUN"/slurmd-*.pid; do stop "$pid" slurmd; done
  stop "$RUN/slurmctld.pid" slurmctld
  rm -rf "$STATE/ctld"; mkdir -p "$STATE/ctld"
fi

# --- daemons
fail() { echo "Slurm does not come up here: $1; last words: $(tail -qn 1 "$LOG"/*.log | tr '\n' ' ')" >&2; exit 69; }
alive "$RUN/slurmctld.pid" slurmctld || slurmctld
end=$((SECONDS + 20))
until timeout 2 scontrol ping 2>/dev/null | grep -q 'is UP'; do [ $SECONDS -lt $end ] || fail "no answer from slurmctld"; sleep 0.1; done
for node in $(scontrol show hostnames "$NAMES"); do
  alive "$RUN/slurmd-$node.pid" slurmd || slurmd -N "$node"
done
end=$((SECONDS + 30))
while [ $SECONDS -lt $end ]; do
  states=$(timeout 2 sinfo -h -N -p cpu -o %T 2>/dev/null | sort -u)
  case $states in
    *down*|*drain*) scontrol update NodeName="$NAMES" State=RESUME 2>/dev/null || true ;;
    idle|mixed|allocated|completing) echo "slurm is up: $(sinfo -h -p cpu -o '%N %T cpus=%c mem=%m gres=%G')"; exit 0 ;;
  esac
  sleep 0.1
done
fail "not all nodes are idle: $states"
