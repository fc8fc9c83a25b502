/** The machine host: machines that really boot behind the instances of the emulated EC2. */
export { checkHost, type HostProblem } from './check-host.js';
export { type MachineHostHandle, type MachineHostOptions, startMachineHost } from './host.js';
export { createHostResolver, type Hosts, localServer, readHosts } from './hosts.js';
export type { HostLog } from './log.js';
export { type HostPackage, MACHINE_HOST_PACKAGES } from './packages.js';
export type { MachineCaps } from './plan.js';
export { type MachineHostStatus, type MachineStatus, readMachineStatus } from './status.js';
export { cleanup } from './teardown.js';
