import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { KubeObject, ResourceKind } from '../api/types/meta.js';
import { PerdureError } from '../domain/errors.js';
import { errorFromNetwork, errorFromResponse } from './errors.js';
import { type ListPageOptions, withType } from './list.js';
import { collectionPath, queryString } from './paths.js';
import type { Transport } from './transport.js';

export interface WatchOptions extends ListPageOptions {
  readonly resourceVersion: string;
  /** The server ends the watch after this. */
  readonly timeoutSeconds: number;
}

export interface WatchEvent<T extends KubeObject> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

interface RawEvent {
  readonly type: string;
  readonly object: KubeObject;
}

const METADATA_OBJECT = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

/** Bookmarks are asked for and passed on. An ERROR event is thrown; the end of the server's time is a normal end. */
export async function* watch<T extends KubeObject>(
  transport: Transport,
  kind: ResourceKind,
  options: WatchOptions,
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  const what = `watch ${kind.plural}`;
  const query = queryString({
    watch: true,
    allowWatchBookmarks: true,
    resourceVersion: options.resourceVersion,
    timeoutSeconds: options.timeoutSeconds,
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
  });
  const body = await transport.stream({
    method: 'GET',
    what,
    path: collectionPath(kind, options.namespace) + query,
    signal: options.signal,
    ...(options.metadataOnly === true ? { accept: METADATA_OBJECT } : {}),
  });
  body.on('error', () => {
    // Reported by the loop below; without a listener an error after its end, such as our own destroy, would crash the process.
  });
  try {
    for await (const line of lines(body)) {
      const event = parse(what, line);
      if (event.type === 'ERROR') throw errorFromEvent(what, event.object);
      yield { type: event.type as WatchEvent<T>['type'], object: withType<T>(kind, event.object) };
    }
  } catch (error) {
    throw errorFromNetwork(what, error, options.signal);
  } finally {
    body.destroy();
  }
}

async function* lines(body: Readable): AsyncGenerator<string, void, undefined> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of body) {
    const parts = (rest + decoder.write(chunk as Buffer)).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) if (part !== '') yield part;
  }
  // A cut last line is no event: the watch goes on from the last whole one.
}

function parse(what: string, line: string): RawEvent {
  try {
    return JSON.parse(line) as RawEvent;
  } catch (error) {
    throw new PerdureError('Transient', `${what}: API server sent a line that is not JSON`, { cause: error });
  }
}

function errorFromEvent(what: string, status: unknown): PerdureError {
  const { code = 500 } = status as { code?: number };
  return errorFromResponse(what, code, JSON.stringify(status));
}
