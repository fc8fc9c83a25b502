/** Reasons of one condition type, each with the status that goes with it: `Reason=Status`; `Reason=A|B` may come with either. A v1beta1 condition that is True has no reason: `=True`. */
export type Reasons = string;

const PAUSED = 'NotPaused=False Paused=True';
const READY_CHILD =
  'Ready=True NotReady=False InvalidConditionReported=Unknown InternalError=Unknown ObjectDoesNotExist=False|Unknown ObjectDeleted=False';
const MACHINES_READY = 'Ready=True NotReady=False ReadyUnknown=Unknown NoReplicas=True InternalError=Unknown';
const MACHINES_UP_TO_DATE =
  'UpToDate=True NotUpToDate=False UpToDateUnknown=Unknown NoReplicas=True InternalError=Unknown';
const REMEDIATING = 'Remediating=True NotRemediating=False InternalError=Unknown';
const POD =
  'Running=True Provisioning=False DoesNotExist=False Failed=False InspectionFailed=Unknown ConnectionDown=Unknown Deleting=False';
const HEALTH = 'Healthy=True NotHealthy=False HealthUnknown=Unknown InspectionFailed=Unknown ConnectionDown=Unknown';
const SCALING_UP = 'ScalingUp=True NotScalingUp=False WaitingForReplicasSet=Unknown InternalError=Unknown';
const SCALING_DOWN = 'ScalingDown=True NotScalingDown=False WaitingForReplicasSet=Unknown InternalError=Unknown';
const GONE = 'Deleting=False Deleted=False';

/** A part of an AWSCluster's network: made, what failed, and the stages of its removal. */
const part = (failed: string): Reasons => `=True ${failed}=False ${GONE} DeletingFailed=False`;

/**
 * What Cluster API and its AWS provider say in conditions, by kind and type, in their words. Sources: capi api/core/v1beta2, api/bootstrap/kubeadm/v1beta2,
 * api/controlplane/kubeadm/v1beta2; capa api/v1beta2/conditions_consts.go, exp/api/v1beta2/conditions_consts.go.
 */
export const REFERENCE: Readonly<Record<string, Readonly<Record<string, Reasons>>>> = {
  Cluster: {
    Paused: PAUSED,
    Available: 'Available=True NotAvailable=False AvailableUnknown=Unknown InternalError=Unknown',
    TopologyReconciled:
      'ReconcileSucceeded=True ReconcileFailed=False ClusterCreating=False ControlPlaneUpgradePending=False MachineDeploymentsCreatePending=False MachineDeploymentsUpgradePending=False MachineDeploymentsUpgradeDeferred=False MachinePoolsUpgradePending=False MachinePoolsCreatePending=False MachinePoolsUpgradeDeferred=False LifecycleHookBlocking=False ClusterUpgrading=False ClusterClassNotReconciled=False Deleting=False Paused=False',
    InfrastructureReady: READY_CHILD,
    ControlPlaneInitialized: 'Initialized=True NotInitialized=False InternalError=Unknown',
    ControlPlaneAvailable:
      'Available=True NotAvailable=False|Unknown InvalidConditionReported=Unknown InternalError=Unknown ObjectDoesNotExist=False|Unknown ObjectDeleted=False',
    WorkersAvailable: 'Available=True NotAvailable=False AvailableUnknown=Unknown NoWorkers=True InternalError=Unknown',
    ControlPlaneMachinesReady: MACHINES_READY,
    WorkerMachinesReady: MACHINES_READY,
    ControlPlaneMachinesUpToDate: MACHINES_UP_TO_DATE,
    WorkerMachinesUpToDate: MACHINES_UP_TO_DATE,
    RemoteConnectionProbe: 'ProbeFailed=False ProbeSucceeded=True',
    RollingOut: 'RollingOut=True NotRollingOut=False RollingOutUnknown=Unknown InternalError=Unknown',
    ScalingUp: 'ScalingUp=True NotScalingUp=False ScalingUpUnknown=Unknown InternalError=Unknown',
    ScalingDown: 'ScalingDown=True NotScalingDown=False ScalingDownUnknown=Unknown InternalError=Unknown',
    Remediating: REMEDIATING,
    Deleting:
      'NotDeleting=False WaitingForBeforeDeleteHook=True WaitingForWorkersDeletion=True WaitingForControlPlaneDeletion=True WaitingForInfrastructureDeletion=True DeletionCompleted=True InternalError=True',
  },
  Machine: {
    Paused: PAUSED,
    Available: 'Available=True NotReady=False WaitingForMinReadySeconds=False InternalError=Unknown',
    Ready: 'Ready=True NotReady=False ReadyUnknown=Unknown InternalError=Unknown',
    UpToDate: 'UpToDate=True NotUpToDate=False Updating=False',
    Updating: 'NotUpdating=False InPlaceUpdating=True InPlaceUpdateFailed=True',
    BootstrapConfigReady: `DataSecretProvided=True ${READY_CHILD}`,
    InfrastructureReady: READY_CHILD,
    NodeReady:
      'NodeReady=True NodeNotReady=False NodeReadyUnknown=Unknown InternalError=Unknown NodeDoesNotExist=False|Unknown NodeDeleted=False InspectionFailed=Unknown ConnectionDown=Unknown',
    NodeHealthy:
      'NodeHealthy=True NodeNotHealthy=False NodeHealthyUnknown=Unknown InternalError=Unknown NodeDoesNotExist=False|Unknown NodeDeleted=False InspectionFailed=Unknown ConnectionDown=Unknown',
    HealthCheckSucceeded:
      'HealthCheckSucceeded=True UnhealthyNode=False UnhealthyMachine=False NodeStartupTimeout=False NodeDeleted=False HasRemediateAnnotation=False',
    OwnerRemediated:
      'WaitingForRemediation=False CannotBeRemediated=False RemediationDeferred=False MachineDeleting=False InternalError=False',
    ExternallyRemediated:
      'WaitingForRemediation=False RemediationTemplateNotFound=False RemediationRequestCreationFailed=False',
    Deleting:
      'NotDeleting=False Deleting=True WaitingForPreDrainHook=True DrainingNode=True WaitingForVolumeDetach=True WaitingForPreTerminateHook=True WaitingForInfrastructureDeletion=True WaitingForBootstrapDeletion=True DeletingNode=True DeletionCompleted=True InternalError=True',
    APIServerPodHealthy: POD,
    ControllerManagerPodHealthy: POD,
    SchedulerPodHealthy: POD,
    EtcdPodHealthy: POD,
    EtcdMemberHealthy: 'Healthy=True NotHealthy=False InspectionFailed=Unknown ConnectionDown=Unknown Deleting=False',
    NodeKubeadmLabelsAndTaintsSet:
      'Set=True NotSet=False InspectionFailed=Unknown ConnectionDown=Unknown Deleting=False',
  },
  MachineSet: {
    Paused: PAUSED,
    ScalingUp: SCALING_UP,
    ScalingDown: SCALING_DOWN,
    MachinesReady: MACHINES_READY,
    MachinesUpToDate: MACHINES_UP_TO_DATE,
    Remediating: REMEDIATING,
    Deleting: 'NotDeleting=False Deleting=True InternalError=Unknown',
  },
  MachineDeployment: {
    Paused: PAUSED,
    Available:
      'Available=True NotAvailable=False WaitingForReplicasSet=Unknown WaitingForAvailableReplicasSet=Unknown InternalError=Unknown',
    MachinesReady: MACHINES_READY,
    MachinesUpToDate: MACHINES_UP_TO_DATE,
    RollingOut: 'RollingOut=True NotRollingOut=False InternalError=Unknown',
    ScalingUp: SCALING_UP,
    ScalingDown: SCALING_DOWN,
    Remediating: REMEDIATING,
    Deleting: 'NotDeleting=False Deleting=True InternalError=Unknown',
  },
  MachinePool: {
    Paused: PAUSED,
    BootstrapConfigReady: `DataSecretProvided=True ${READY_CHILD}`,
    InfrastructureReady: READY_CHILD,
    MachinesReady: MACHINES_READY,
    MachinesUpToDate: MACHINES_UP_TO_DATE,
    ScalingUp: 'ScalingUp=True NotScalingUp=False',
    ScalingDown: 'ScalingDown=True NotScalingDown=False',
    Remediating: 'Remediating=True NotRemediating=False',
    Deleting: 'NotDeleting=False Deleting=True',
    Available: 'Available=True NotAvailable=False',
  },
  MachineHealthCheck: {
    Paused: PAUSED,
    RemediationAllowed: 'RemediationAllowed=True TooManyUnhealthy=False',
  },
  KubeadmConfig: {
    Paused: PAUSED,
    Ready: 'Ready=True NotReady=False ReadyUnknown=Unknown',
    DataSecretAvailable: 'Available=True NotAvailable=False',
    CertificatesAvailable: 'Available=True InternalError=Unknown',
  },
  KubeadmControlPlane: {
    Paused: PAUSED,
    Available: 'Available=True NotAvailable=False InspectionFailed=Unknown',
    Initialized: 'Initialized=True NotInitialized=False',
    CertificatesAvailable: 'Available=True NotAvailable=False InternalError=Unknown',
    EtcdClusterHealthy: HEALTH,
    ControlPlaneComponentsHealthy: HEALTH,
    MachinesReady: MACHINES_READY,
    MachinesUpToDate: MACHINES_UP_TO_DATE,
    RollingOut: 'RollingOut=True NotRollingOut=False',
    ScalingUp: 'ScalingUp=True NotScalingUp=False',
    ScalingDown: 'ScalingDown=True NotScalingDown=False',
    Remediating: REMEDIATING,
    Deleting:
      'NotDeleting=False WaitingForWorkersDeletion=True WaitingForMachineDeletion=True DeletionCompleted=True InternalError=True',
  },
  AWSCluster: {
    Paused: PAUSED,
    Ready: '=True',
    PrincipalCredentialRetrieved: '=True PrincipalCredentialRetrievalFailed=False CredentialProviderBuildFailed=False',
    PrincipalUsageAllowed: '=True PrincipalUsageUnauthorized=False SourcePrincipalUsageUnauthorized=False',
    VpcReady: part('VpcReconciliationFailed'),
    SecondaryCidrsReady: '=True SecondaryCidrReconciliationFailed=False',
    SubnetsReady: part('SubnetsReconciliationFailed'),
    InternetGatewayReady: part('InternetGatewayFailed'),
    CarrierGatewayReady: part('CarrierGatewayFailed'),
    EgressOnlyInternetGatewayReady: part('EgressOnlyInternetGatewayFailed'),
    NatGatewaysReady: part('NatGatewaysReconciliationFailed'),
    RouteTablesReady: part('RouteTableReconciliationFailed'),
    VpcEndpointsReadyCondition: part('VpcEndpointsReconciliationFailed'),
    ClusterSecurityGroupsReady: part('ClusterSecurityGroupReconciliationFailed'),
    BastionHostReady: part('BastionHostFailed'),
    LoadBalancerReady: `${part('LoadBalancerFailed')} WaitForDNSName=False WaitForDNSNameResolve=False WaitForExternalControlPlaneEndpoint=False`,
    S3BucketCreated: part('S3BucketCreationFailed'),
  },
  AWSMachine: {
    Paused: PAUSED,
    Ready: '=True',
    InstanceReady:
      '=True InstanceNotFound=False InstanceTerminated=False InstanceStopped=False InstanceNotReady=False InstanceProvisionStarted=False InstanceProvisionFailed=False WaitingForClusterInfrastructure=False WaitingForBootstrapData=False',
    SecurityGroupsReady: '=True SecurityGroupsSyncFailed=False',
    ELBAttached: '=True ELBAttachFailed=False ELBDetachFailed=False',
    DedicatedHostRelease: '=True',
  },
  AWSMachinePool: {
    Paused: PAUSED,
    ASGReady: '=True ASGNotFound=False ASGProvisionFailed=False ASGDeletionInProgress=False',
    LaunchTemplateReady:
      '=True LaunchTemplateNotFound=False LaunchTemplateCreateFailed=False LaunchTemplateReconcileFailed=False',
    PreLaunchTemplateUpdateCheckSuccess: '=True PreLaunchTemplateUpdateCheckFailed=False',
    PostLaunchTemplateUpdateOperationSuccess: '=True PostLaunchTemplateUpdateOperationFailed=False',
    InstanceRefreshStarted: '=True InstanceRefreshNotReady=False InstanceRefreshFailed=False',
    LifecycleHookReady:
      '=True LifecycleHookCreationFailed=False LifecycleHookUpdateFailed=False LifecycleHookDeletionFailed=False',
  },
};

/** One row: a reason of a type of a kind, with the statuses it may come with. */
export interface Row {
  readonly kind: string;
  readonly type: string;
  readonly reason: string;
  readonly statuses: readonly string[];
}
