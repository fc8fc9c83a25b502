import { createRequire } from 'node:module';
import type { History } from '@temporalio/common/lib/proto-utils.js';

// The SDK's historyToJSON and historyFromJSON need one copy of protobufjs for two of its packages; npm gives each its own as soon as another package
// wants an older one. What they do is done here with the copy that the message types were made with.
const load = createRequire(import.meta.url);
const fromCommon = createRequire(load.resolve('@temporalio/common'));
const fromProto = createRequire(fromCommon.resolve('@temporalio/proto'));

interface ProtoJson {
  toJson(type: unknown, message: unknown): unknown;
  fromJson(type: unknown, value: unknown, options: { readonly ignoreUnknownFields: boolean }): unknown;
}
interface HistoryClass {
  fromObject(value: unknown): unknown;
}

const { toJson, fromJson } = fromProto('protobufjs/ext/protojson') as ProtoJson;
const proto = fromCommon('@temporalio/proto') as { temporal: { api: { history: { v1: { History: HistoryClass } } } } };
const { patchProtobufRoot } = fromCommon('@temporalio/proto/lib/patch-protobuf-root') as {
  patchProtobufRoot(root: unknown): { lookupType(name: string): unknown };
};
const type = patchProtobufRoot(proto).lookupType('temporal.api.history.v1.History');

/** A history as canonical protobuf JSON, the form Temporal's own tools read and write. */
export const historyToJson = (history: History): unknown =>
  toJson(type, proto.temporal.api.history.v1.History.fromObject(history));

/** The inverse. Fields of newer servers are ignored. */
export const historyFromJson = (value: unknown): History =>
  fromJson(type, value, { ignoreUnknownFields: true }) as History;
