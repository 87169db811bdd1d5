/** Why data parts cannot be run here, and how to mend it: for the person who reads it at 3 a.m. Nothing is ever run without the sandbox. */
import { GatewayError } from '../../base/errors.ts';

/** What the machine says of itself: contents of files in /proc/sys/kernel and /proc/sys/user, undefined where there is none. */
export type MachineFacts = {
  unprivilegedUserns: string | undefined;
  apparmorRestrictsUserns: string | undefined;
  mostUserNamespaces: string | undefined;
  /** Of this process: 2 when a supervisor filters its system calls. */
  seccomp: string | undefined;
};

type Diagnosis = { code: string; missing: string; hint: string };

const notRun = 'Applications with a command wait until it is mended; everything else goes on.';

function refusal({ code, missing, hint }: Diagnosis, said: string): GatewayError {
  const words = said === '' ? '' : ` (bubblewrap says: ${said})`;
  return new GatewayError(`no sandbox for data parts: ${missing}${words}. ${notRun}`, {
    code: `sandbox.${code}`,
    operation: 'open sandbox',
    hint,
  });
}

export function missingProgram(program: string, debianPackage: string): GatewayError {
  const missing = `${program} is not installed`;
  return refusal(
    { code: 'program-missing', missing, hint: `apt-get install ${debianPackage}, then restart the gateway` },
    '',
  );
}

export function noFilter(arch: string): GatewayError {
  const missing = `there is no system call filter for the architecture ${arch}`;
  return refusal({ code: 'architecture', missing, hint: 'run the gateway on x64 or arm64' }, '');
}

export function notContained(missing: string): GatewayError {
  const hint = 'report it with the output of `bwrap --version` and `uname -a`';
  return refusal({ code: 'not-contained', missing: `the trial run was not contained: ${missing}`, hint }, '');
}

/** Patterns of what bubblewrap says, with what is behind them; the first that fits. */
function diagnose(said: string, facts: MachineFacts): Diagnosis {
  const underFilter = facts.seccomp === '2';
  if (/proc on|mount proc/i.test(said)) {
    return {
      code: 'proc-masked',
      missing: 'parts of /proc are covered, so that the kernel refuses a new one',
      hint: 'in the systemd unit, leave out ProtectKernelTunables=, ProtectKernelLogs=, ProtectProc= and ProcSubset=; in a container, do not mask /proc',
    };
  }
  if (/NETLINK|loopback|RTM_/i.test(said)) {
    return {
      code: 'netlink-denied',
      missing: 'the empty network of the sandbox cannot be set up',
      hint: 'in the systemd unit, add AF_NETLINK to RestrictAddressFamilies=',
    };
  }
  if (/hostname/i.test(said)) {
    return {
      code: 'hostname-denied',
      missing: 'the sandbox cannot be given a host name of its own',
      hint: 'in the systemd unit, leave out ProtectHostname= and add sethostname to SystemCallFilter=',
    };
  }
  if (/namespace|unshare|clone|uid map|setting up uid/i.test(said)) return namespacesDenied(facts);
  if (/pivot|mount|slave|chroot/i.test(said) && underFilter) {
    return {
      code: 'mount-denied',
      missing: 'mounts are not allowed in the sandbox',
      hint: 'in the systemd unit, add @mount to SystemCallFilter= (systemd/medusa-gateway.service is known to work)',
    };
  }
  return {
    code: 'trial-failed',
    missing: 'a trial run failed',
    hint: 'run the same as the user of the service: bwrap --unshare-all --ro-bind / / --proc /proc --dev /dev true',
  };
}

function namespacesDenied(facts: MachineFacts): Diagnosis {
  const code = 'namespaces-denied';
  if (facts.unprivilegedUserns === '0') {
    return {
      code,
      missing: 'user namespaces are switched off (kernel.unprivileged_userns_clone = 0)',
      hint: 'sysctl kernel.unprivileged_userns_clone=1, and the same in a file in /etc/sysctl.d',
    };
  }
  if (facts.mostUserNamespaces === '0') {
    return {
      code,
      missing: 'no user namespace may be made (user.max_user_namespaces = 0)',
      hint: 'sysctl user.max_user_namespaces=1000, and the same in a file in /etc/sysctl.d',
    };
  }
  if (facts.apparmorRestrictsUserns === '1') {
    return {
      code,
      missing:
        'AppArmor keeps user namespaces from programs without a profile (apparmor_restrict_unprivileged_userns = 1)',
      hint: 'give /usr/bin/bwrap an AppArmor profile with "userns," or sysctl kernel.apparmor_restrict_unprivileged_userns=0',
    };
  }
  return {
    code,
    missing: 'the kernel or the supervisor refuses new namespaces',
    hint: 'in the systemd unit, RestrictNamespaces= has to allow cgroup ipc mnt net pid user uts, and SystemCallFilter= unshare and clone; in a container, its seccomp profile',
  };
}

/** `said`: what bubblewrap wrote; its first line is repeated. */
export function trialFailed(said: string, facts: MachineFacts): GatewayError {
  const line = said.split('\n').find((one) => one.startsWith('bwrap: ')) ?? said.split('\n')[0] ?? '';
  return refusal(diagnose(said, facts), line.replace(/^bwrap: /, '').slice(0, 200));
}
