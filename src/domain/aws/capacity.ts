import type { AWSMachineTemplateStatus } from '../../api/types/aws.js';

/** What EC2 tells of an instance type, as far as a node's size goes. */
export interface TypeFacts {
  readonly vcpus: number | undefined;
  readonly memoryMiB: number | undefined;
  readonly gpus: number;
  readonly arm: boolean;
}

/**
 * What a node of an instance type offers, as cluster-autoscaler reads it from a template to scale from zero. Only NVIDIA's devices have a resource
 * name that everybody agrees on. Pure. Source: capa controllers/awsmachinetemplate_controller.go; cluster-api opt-in-autoscaling-from-zero.
 */
export function templateFacts(
  type: TypeFacts,
  windows: boolean,
): Required<Pick<AWSMachineTemplateStatus, 'capacity' | 'nodeInfo'>> {
  return {
    capacity: {
      ...(type.vcpus ? { cpu: String(type.vcpus) } : {}),
      ...(type.memoryMiB ? { memory: `${type.memoryMiB}Mi` } : {}),
      ...(type.gpus > 0 ? { 'nvidia.com/gpu': String(type.gpus) } : {}),
    },
    nodeInfo: {
      architecture: type.arm ? 'arm64' : 'amd64',
      operatingSystem: windows ? 'windows' : 'linux',
    },
  };
}
