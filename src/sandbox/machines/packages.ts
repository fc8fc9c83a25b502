/** One program the machine host needs on the machine it runs on, and the Debian package that brings it. */
export interface HostPackage {
  readonly program: string;
  readonly package: string;
  readonly why: string;
}

/** What a host needs so that machines can boot; installed by `perdure up --install-packages` or by hand with apt-get. */
export const MACHINE_HOST_PACKAGES: readonly HostPackage[] = [
  {
    program: 'systemd-nspawn',
    package: 'systemd-container',
    why: 'runs each machine as a container that boots systemd',
  },
  { program: 'ip', package: 'iproute2', why: 'makes the network namespace and bridge of each VPC' },
  { program: 'nsenter', package: 'util-linux', why: 'starts machines and proxies inside the namespace' },
  { program: 'unshare', package: 'util-linux', why: 'keeps the mounts of a machine private' },
  { program: 'mount', package: 'mount', why: 'lays the machine over the shared root tree' },
];
