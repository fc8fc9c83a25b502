import { PerdureError } from '../../../domain/errors.js';

/** Services as upstream's flag names them; classic and version 2 load balancers share one. */
export type AwsService =
  | 'autoscaling'
  | 'ec2'
  | 'elasticloadbalancing'
  | 'events'
  | 'logs'
  | 'route53'
  | 's3'
  | 'secretsmanager'
  | 'sqs'
  | 'ssm'
  | 'sts'
  | 'tagging';

/** Looks up the endpoint of a service in a region; undefined means AWS's own. */
export type EndpointLookup = (region: string, service: AwsService) => string | undefined;

/**
 * Parses upstream's `--service-endpoints`: `${region}:${service}=${URL},${service}=${URL};${region2}:…`. Beyond upstream, `*` stands for every
 * region or service. Throws `InvalidConfiguration`.
 */
export function parseServiceEndpoints(text: string): EndpointLookup {
  const urls = new Map<string, string>();
  for (const group of text.split(';').filter((part) => part.trim() !== '')) {
    const colon = group.indexOf(':');
    const region = group.slice(0, colon).trim();
    for (const pair of group.slice(colon + 1).split(',')) {
      const equals = pair.indexOf('=');
      const url = pair.slice(equals + 1).trim();
      if (colon < 1 || equals < 1 || !URL.canParse(url)) {
        throw new PerdureError(
          'InvalidConfiguration',
          `service endpoints: "${group}" is malformed; write \${region}:\${service}=\${URL},…;\${region2}:…`,
        );
      }
      urls.set(`${region}/${pair.slice(0, equals).trim()}`, url);
    }
  }
  return (region, service) =>
    urls.get(`${region}/${service}`) ?? urls.get(`*/${service}`) ?? urls.get(`${region}/*`) ?? urls.get('*/*');
}
