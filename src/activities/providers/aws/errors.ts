import { type FailureType, PerdureError } from '../../../domain/errors.js';

interface Meaning {
  readonly type: FailureType;
  /** What a person can do; added to the message. */
  readonly remedy?: string;
  readonly retryAfterMs?: number;
}

const THROTTLED: Meaning = { type: 'Throttled', retryAfterMs: 3_000 };
const DENIED: Meaning = { type: 'Unauthorized', remedy: 'grant the permission to the identity of the AWSCluster' };
const EXPIRED: Meaning = { type: 'Unauthorized', remedy: 'renew the credentials of the identity of the AWSCluster' };
const QUOTA: Meaning = {
  type: 'QuotaExceeded',
  remedy: 'request a higher service quota or free resources of this kind',
};
const CAPACITY: Meaning = { type: 'InsufficientCapacity', remedy: 'choose another zone or instance type, or wait' };
const INVALID: Meaning = { type: 'InvalidConfiguration' };
const BUSY: Meaning = { type: 'Transient', retryAfterMs: 5_000 };
const TRANSIENT: Meaning = { type: 'Transient' };
const CONFLICT: Meaning = { type: 'Conflict' };
const NOT_FOUND: Meaning = { type: 'NotFound' };

/** The one table of AWS error codes. Codes not listed go by suffix, then by HTTP status. */
const TABLE: Readonly<Record<string, Meaning>> = {
  RequestLimitExceeded: THROTTLED,
  Throttling: THROTTLED,
  ThrottlingException: THROTTLED,
  ThrottledException: THROTTLED,
  RequestThrottled: THROTTLED,
  RequestThrottledException: THROTTLED,
  TooManyRequestsException: THROTTLED,
  PriorRequestNotComplete: THROTTLED,
  BandwidthLimitExceeded: THROTTLED,
  SlowDown: THROTTLED,
  EC2ThrottledException: THROTTLED,
  TransactionInProgressException: THROTTLED,
  DependencyThrottle: THROTTLED,

  UnauthorizedOperation: DENIED,
  AccessDenied: DENIED,
  AccessDeniedException: DENIED,
  OperationNotPermitted: DENIED,
  OptInRequired: { type: 'Unauthorized', remedy: 'enable the region or service for the account' },
  AuthFailure: EXPIRED,
  ExpiredToken: EXPIRED,
  ExpiredTokenException: EXPIRED,
  RequestExpired: EXPIRED,
  InvalidClientTokenId: EXPIRED,
  UnrecognizedClientException: EXPIRED,
  SignatureDoesNotMatch: EXPIRED,
  MissingAuthenticationToken: EXPIRED,
  CredentialsProviderError: EXPIRED,
  TokenProviderError: EXPIRED,
  PendingVerification: { type: 'Unauthorized', remedy: 'wait until AWS has verified the account' },

  InsufficientInstanceCapacity: CAPACITY,
  InsufficientHostCapacity: CAPACITY,
  InsufficientReservedInstanceCapacity: CAPACITY,
  InsufficientCapacity: CAPACITY,
  InsufficientAddressCapacity: CAPACITY,
  ReservationCapacityExceeded: CAPACITY,
  SpotMaxPriceTooLow: { type: 'InsufficientCapacity', remedy: 'raise spotMarketOptions.maxPrice' },
  UnfulfillableCapacity: CAPACITY,
  InsufficientFreeAddressesInSubnet: { type: 'InsufficientCapacity', remedy: 'use a subnet with free addresses' },

  InstanceLimitExceeded: QUOTA,
  VcpuLimitExceeded: QUOTA,
  MaxSpotInstanceCountExceeded: QUOTA,
  AddressLimitExceeded: QUOTA,
  'Address.LimitExceeded': QUOTA,
  TooManyLoadBalancers: QUOTA,
  TooManyTargetGroups: QUOTA,
  TooManyTargets: QUOTA,
  TooManyListeners: QUOTA,
  TooManyTags: QUOTA,
  TagLimitExceeded: QUOTA,
  RulesPerSecurityGroupLimitExceeded: QUOTA,

  DependencyViolation: BUSY,
  ResourceInUse: BUSY,
  'InvalidIPAddress.InUse': BUSY,
  'InvalidGroup.InUse': BUSY,
  'InvalidNetworkInterface.InUse': BUSY,
  IncorrectState: BUSY,
  IncorrectInstanceState: BUSY,
  InvalidState: BUSY,
  'Gateway.NotAttached': BUSY,
  InternalError: TRANSIENT,
  InternalFailure: TRANSIENT,
  InternalServiceError: TRANSIENT,
  Unavailable: TRANSIENT,
  ServiceUnavailable: TRANSIENT,
  RequestTimeout: TRANSIENT,
  RequestTimeoutException: TRANSIENT,

  ScalingActivityInProgress: BUSY,
  ResourceContention: BUSY,
  InstanceRefreshInProgress: BUSY,

  AlreadyExists: CONFLICT,
  InvalidChangeBatch: CONFLICT,
  'InvalidLaunchTemplateName.AlreadyExists': CONFLICT,
  IdempotentParameterMismatch: CONFLICT,
  'InvalidGroup.Duplicate': CONFLICT,
  DuplicateLoadBalancerName: CONFLICT,
  AccessPointAlreadyExists: CONFLICT,
  DuplicateTargetGroupName: CONFLICT,
  ResourceExistsException: CONFLICT,
  'InvalidSubnet.Conflict': CONFLICT,
  RouteAlreadyExists: CONFLICT,
  'InvalidPermission.Duplicate': CONFLICT,
  'Resource.AlreadyAssociated': CONFLICT,

  LoadBalancerNotFound: NOT_FOUND,
  AccessPointNotFound: NOT_FOUND,
  TargetGroupNotFound: NOT_FOUND,
  ListenerNotFound: NOT_FOUND,
  InvalidTarget: NOT_FOUND,
  InvalidInstance: NOT_FOUND,
  ResourceNotFoundException: NOT_FOUND,
  NatGatewayNotFound: NOT_FOUND,
  NoSuchHostedZone: NOT_FOUND,
  QueueDoesNotExist: NOT_FOUND,
  'AWS.SimpleQueueService.NonExistentQueue': NOT_FOUND,

  'InvalidAMIID.NotFound': {
    type: 'InvalidConfiguration',
    remedy: 'set ami.id or imageLookup fields to an image of this region',
  },
  'InvalidAMIID.Malformed': { type: 'InvalidConfiguration', remedy: 'correct ami.id' },
  'InvalidAMIID.Unavailable': { type: 'InvalidConfiguration', remedy: 'choose an available image' },
  'InvalidKeyPair.NotFound': {
    type: 'InvalidConfiguration',
    remedy: 'create the key pair or set sshKeyName (empty for none)',
  },
  InvalidParameterValue: INVALID,
  InvalidParameterCombination: INVALID,
  InvalidParameter: INVALID,
  MissingParameter: INVALID,
  ValidationError: INVALID,
  ValidationException: INVALID,
  InvalidRequest: INVALID,
  Unsupported: { type: 'InvalidConfiguration', remedy: 'choose an instance type offered in the zone' },
  UnsupportedOperation: INVALID,
  InvalidInstanceType: { type: 'InvalidConfiguration', remedy: 'correct instanceType' },
  InvalidBlockDeviceMapping: INVALID,
  InvalidInput: INVALID,
  InvalidUserData: INVALID,
  InvalidVpcRange: { type: 'InvalidConfiguration', remedy: 'use a vpc.cidrBlock between /16 and /28' },
  'InvalidVpc.Range': { type: 'InvalidConfiguration', remedy: 'use a vpc.cidrBlock between /16 and /28' },
  'InvalidSubnet.Range': { type: 'InvalidConfiguration', remedy: 'use a subnet cidrBlock inside the VPC' },
  InvalidSubnet: INVALID,
  InvalidSecurityGroup: INVALID,
  InvalidScheme: INVALID,
};

const SUFFIXES: readonly (readonly [RegExp, Meaning])[] = [
  [/NotFound(Exception)?$/, NOT_FOUND],
  [/LimitExceeded(Exception)?$/, QUOTA],
  [/\.(Malformed|InvalidFormat)$/, INVALID],
  [/\.InUse$/, BUSY],
  [/\.Duplicate$/, CONFLICT],
];

const NETWORK = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ETIMEDOUT',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'TimeoutError',
]);

/** Nobody answers at the address, or there is none: not a connection that broke, which may be tried again at once. */
const UNREACHABLE = new Set(['ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'ECONNREFUSED', 'ETIMEDOUT', 'TimeoutError']);

interface SdkError extends Error {
  readonly Code?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
  readonly operation?: string;
}

/** The AWS error code, e.g. `InvalidVpcID.NotFound`; empty when `error` did not come from AWS. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error) || error.name === 'PerdureError') return '';
  const { Code, code, name } = error as SdkError;
  // What the SDK makes of an error from another realm, such as a test's sandbox.
  const wrapped = /^AWS SDK error wrapper for (\w+)/.exec(error.message)?.[1];
  if (wrapped) return wrapped;
  const named = name.endsWith('Exception') && Code === undefined ? name : (Code ?? name);
  return named === 'Error' ? (code ?? '') : named;
}

/** True when AWS answered with one of `codes`. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  const code = codeOf(error);
  return codes.some((wanted) => [wanted, `${wanted}Exception`, `${wanted}Fault`].includes(code));
}

/** The HTTP status of AWS's answer: all that there is of an answer to HEAD. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof Error ? (error as SdkError).$metadata?.httpStatusCode : undefined;
}

/** True when the service cannot be reached from here. */
export function isUnreachable(error: unknown): boolean {
  const { name, message } = error instanceof Error ? error : { name: '', message: '' };
  return [...UNREACHABLE].some((code) => codeOf(error) === code || name === code || message.includes(` ${code} `));
}

/** True when AWS refused the call because there were too many. */
export function isThrottled(error: unknown): boolean {
  return meaningOf(error).type === 'Throttled';
}

/** True for every way in which AWS says that the thing is not there. */
export function isAbsent(error: unknown): boolean {
  return meaningOf(error).type === 'NotFound' || hasCode(error, 'InvalidInstance', 'InvalidTarget');
}

/** True when the call may be made again at once because a thing just created is not visible everywhere yet. */
export function isNotVisibleYet(error: unknown): boolean {
  return /^Invalid\w*\.NotFound$|^InvalidGroup\.NotFound$|^(LoadBalancer|TargetGroup)NotFound/.test(codeOf(error));
}

/** Cloud error → typed failure. A PerdureError passes unchanged. The message names operation, code and remedy, never a parameter. */
export function classify(error: unknown): PerdureError {
  if (error instanceof Error && error.name === 'PerdureError') return error as PerdureError;
  const { type, remedy, retryAfterMs } = meaningOf(error);
  const sdk = (error instanceof Error ? error : new Error(String(error))) as SdkError;
  const code = codeOf(error);
  const operation = sdk.operation ? `${sdk.operation}: ` : '';
  const text = type === 'Bug' ? sdk.message : `${code ? `${code}: ` : ''}${sdk.message}`;
  const wait = type === 'Throttled' ? throttleDelay(sdk) : retryAfterMs;
  return new PerdureError(type, `${operation}${text.slice(0, 1_000)}${remedy ? `; ${remedy}` : ''}`, {
    cause: error,
    details: {
      ...(code ? { code } : {}),
      ...(sdk.operation ? { operation: sdk.operation } : {}),
      ...(sdk.$metadata?.requestId ? { requestId: sdk.$metadata.requestId } : {}),
    },
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
}

function meaningOf(error: unknown): Meaning {
  if (error instanceof Error && error.name === 'PerdureError') return { type: (error as PerdureError).type };
  const code = codeOf(error);
  const bare = code.replace(/(Exception|Fault)$/, '');
  const known = TABLE[code] ?? TABLE[bare] ?? SUFFIXES.find(([pattern]) => pattern.test(code))?.[1];
  if (known) return known;
  if (NETWORK.has(code) || code === 'AbortError') return TRANSIENT;
  const status = statusOf(error);
  if (status === undefined) return { type: 'Bug' };
  if (status === 429) return THROTTLED;
  if (status >= 500) return TRANSIENT;
  if (status === 401 || status === 403) return DENIED;
  return status === 404 ? NOT_FOUND : INVALID;
}

/** The server's own wish, else 3 to 6 s: spread, so that all who were refused together do not come back together. */
function throttleDelay(error: SdkError): number {
  const wished = Number(error.$response?.headers?.['retry-after']);
  return Number.isFinite(wished) && wished > 0 ? wished * 1_000 : 3_000 + Math.floor(Math.random() * 3_000);
}
