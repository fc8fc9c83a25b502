import { AutoScaling } from '@aws-sdk/client-auto-scaling';
import { CloudWatchLogs } from '@aws-sdk/client-cloudwatch-logs';
import { EC2, type EC2ClientConfig } from '@aws-sdk/client-ec2';
import { ElasticLoadBalancing } from '@aws-sdk/client-elastic-load-balancing';
import { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import { EventBridge } from '@aws-sdk/client-eventbridge';
import { ResourceGroupsTaggingAPI } from '@aws-sdk/client-resource-groups-tagging-api';
import { Route53 } from '@aws-sdk/client-route-53';
import { S3 } from '@aws-sdk/client-s3';
import { SecretsManager } from '@aws-sdk/client-secrets-manager';
import { SQS } from '@aws-sdk/client-sqs';
import { SSM } from '@aws-sdk/client-ssm';
import { STS } from '@aws-sdk/client-sts';
import type { AwsService, EndpointLookup } from './endpoints.js';
import { isThrottled } from './errors.js';
import type { Pace } from './pace.js';

/** Credentials, or how to get them; the SDK keeps them until they expire. */
export type AwsCredentials = NonNullable<EC2ClientConfig['credentials']>;

/** One finished call, for metrics; never its parameters. */
export interface AwsCallRecord {
  readonly service: AwsService;
  readonly operation: string;
  readonly region: string;
  readonly milliseconds: number;
  readonly failed: boolean;
}

/** SDK clients of one region and one set of credentials. */
export interface AwsClients {
  readonly autoscaling: AutoScaling;
  readonly ec2: EC2;
  readonly elb: ElasticLoadBalancing;
  readonly elbv2: ElasticLoadBalancingV2;
  readonly eventbridge: EventBridge;
  readonly logs: CloudWatchLogs;
  readonly route53: Route53;
  readonly s3: S3;
  readonly secrets: SecretsManager;
  readonly sqs: SQS;
  readonly ssm: SSM;
  readonly tagging: ResourceGroupsTaggingAPI;
  readonly sts: STS;
}

export interface ClientOptions {
  readonly endpoints: EndpointLookup;
  /** Absent: the SDK's default chain. */
  readonly credentials?: AwsCredentials | undefined;
}

/**
 * Clients for `region`, each made at its first use. The SDK's own retries are off: Temporal retries, with one budget per account.
 * User agent and timeouts are fixed; nothing logs parameters.
 */
export function createClients(region: string, { endpoints, credentials }: ClientOptions): AwsClients {
  const config = (service: AwsService) => {
    const endpoint = endpoints(region, service);
    return {
      region,
      maxAttempts: 1,
      customUserAgent: 'perdure',
      requestHandler: { connectionTimeout: 3_000, requestTimeout: 30_000, throwOnRequestTimeout: true },
      ...(credentials ? { credentials } : {}),
      ...(endpoint ? { endpoint } : {}),
    };
  };
  const lazy = <T>(make: () => T): (() => T) => {
    let made: T | undefined;
    return () => {
      made ??= make();
      return made;
    };
  };
  const autoscaling = lazy(() => new AutoScaling(config('autoscaling')));
  const ec2 = lazy(() => new EC2(config('ec2')));
  const elb = lazy(() => new ElasticLoadBalancing(config('elasticloadbalancing')));
  const elbv2 = lazy(() => new ElasticLoadBalancingV2(config('elasticloadbalancing')));
  const eventbridge = lazy(() => new EventBridge(config('events')));
  const sqs = lazy(() => new SQS(config('sqs')));
  const logs = lazy(() => new CloudWatchLogs(config('logs')));
  const route53 = lazy(() => new Route53(config('route53')));
  // An endpoint of one's own knows no names of buckets.
  const s3 = lazy(() => new S3({ ...config('s3'), forcePathStyle: endpoints(region, 's3') !== undefined }));
  const ssm = lazy(() => new SSM(config('ssm')));
  const secrets = lazy(() => new SecretsManager(config('secretsmanager')));
  const tagging = lazy(() => new ResourceGroupsTaggingAPI(config('tagging')));
  const sts = lazy(() => new STS(config('sts')));
  return {
    get autoscaling() {
      return autoscaling();
    },
    get ec2() {
      return ec2();
    },
    get elb() {
      return elb();
    },
    get elbv2() {
      return elbv2();
    },
    get eventbridge() {
      return eventbridge();
    },
    get sqs() {
      return sqs();
    },
    get logs() {
      return logs();
    },
    get route53() {
      return route53();
    },
    get s3() {
      return s3();
    },
    get secrets() {
      return secrets();
    },
    get ssm() {
      return ssm();
    },
    get tagging() {
      return tagging();
    },
    get sts() {
      return sts();
    },
  };
}

export interface BindOptions {
  readonly region: string;
  readonly signal: AbortSignal;
  readonly onCall?: ((record: AwsCallRecord) => void) | undefined;
  /** Shared by all who call the account. */
  readonly pace?: Pace | undefined;
}

interface Sender {
  send(command: object, options?: object): Promise<unknown>;
}

/**
 * The same clients with `signal` passed to every call, so that none can be forgotten. Errors learn the name of their operation.
 */
export function bindClients(clients: AwsClients, options: BindOptions): AwsClients {
  const bound = <T extends object>(client: T, service: AwsService): T => {
    const sender = client as T & Sender;
    const view = Object.create(client) as T & Sender;
    view.send = async (command, extra) => {
      const operation = command.constructor.name.replace(/Command$/, '');
      await options.pace?.pass(options.signal);
      const started = performance.now();
      let failed = true;
      try {
        const output = await sender.send(command, { ...extra, abortSignal: options.signal });
        failed = false;
        return output;
      } catch (error) {
        if (error instanceof Error) Object.assign(error, { operation });
        if (isThrottled(error)) options.pace?.refused();
        throw error;
      } finally {
        const milliseconds = performance.now() - started;
        options.onCall?.({ service, operation, region: options.region, milliseconds, failed });
      }
    };
    return view;
  };
  return {
    get autoscaling() {
      return bound(clients.autoscaling, 'autoscaling');
    },
    get ec2() {
      return bound(clients.ec2, 'ec2');
    },
    get elb() {
      return bound(clients.elb, 'elasticloadbalancing');
    },
    get elbv2() {
      return bound(clients.elbv2, 'elasticloadbalancing');
    },
    get eventbridge() {
      return bound(clients.eventbridge, 'events');
    },
    get sqs() {
      return bound(clients.sqs, 'sqs');
    },
    get logs() {
      return bound(clients.logs, 'logs');
    },
    get route53() {
      return bound(clients.route53, 'route53');
    },
    get s3() {
      return bound(clients.s3, 's3');
    },
    get secrets() {
      return bound(clients.secrets, 'secretsmanager');
    },
    get ssm() {
      return bound(clients.ssm, 'ssm');
    },
    get tagging() {
      return bound(clients.tagging, 'tagging');
    },
    get sts() {
      return bound(clients.sts, 'sts');
    },
  };
}
