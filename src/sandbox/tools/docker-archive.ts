import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import { TAR_END, type TarEntry, tarHeader, tarPadding } from './tar.js';

/** A file of an image: bytes at hand, or a file to copy. */
export type ImageFile = { readonly path: string; readonly mode: number } & (
  | { readonly content: string }
  | { readonly source: string }
);

/** A container image with one layer. Paths start with a slash. */
export interface ImageSpec {
  readonly ref: string;
  /** Other names of the same image. */
  readonly alsoRefs?: readonly string[];
  readonly files: readonly ImageFile[];
  readonly links?: readonly { readonly path: string; readonly target: string }[];
  readonly directories?: readonly string[];
  readonly entrypoint?: readonly string[];
}

/** Receives an archive's bytes in order. */
interface Sink {
  write(bytes: Buffer): Promise<void>;
}

interface Member extends TarEntry {
  readonly content?: Buffer;
  readonly source?: string;
}

/**
 * Writes images as one archive of the kind `docker save` makes, which containerd imports. Layers are read twice, never held in memory. Equal input
 * gives equal bytes. `arch` is Go's name of the processor.
 */
export async function writeDockerArchive(path: string, images: readonly ImageSpec[], arch: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    const manifest: object[] = [];
    for (const image of images) manifest.push(await writeImage(fileSink(file), image, arch));
    await writeMember(fileSink(file), textMember('manifest.json', JSON.stringify(manifest)));
    await file.write(TAR_END);
  } finally {
    await file.close();
  }
}

async function writeImage(sink: Sink, image: ImageSpec, arch: string): Promise<object> {
  const members = await layerMembers(image);
  const digest = createHash('sha256');
  const size = await writeLayer(hashSink(digest), members);
  const layer = digest.digest('hex');
  const config = JSON.stringify(imageConfig(image, layer, arch));
  const configName = `${createHash('sha256').update(config).digest('hex')}.json`;
  const layerName = `${layer}/layer.tar`;
  await writeMember(sink, textMember(configName, config));
  await sink.write(tarHeader({ path: layerName, type: 'file', mode: 0o644, size }));
  await writeLayer(sink, members);
  await sink.write(tarPadding(size));
  return { Config: configName, RepoTags: [image.ref, ...(image.alsoRefs ?? [])], Layers: [layerName] };
}

function imageConfig(image: ImageSpec, layer: string, arch: string): object {
  return {
    architecture: arch,
    os: 'linux',
    created: '1970-01-01T00:00:00Z',
    config: {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      WorkingDir: '/',
      ...(image.entrypoint ? { Entrypoint: image.entrypoint } : {}),
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: image.ref }],
  };
}

/** Everything of a layer in an order in which parents come before what is in them. */
async function layerMembers(image: ImageSpec): Promise<Member[]> {
  const members = new Map<string, Member>();
  const directory = (path: string): void => {
    if (path === '/' || members.has(path)) return;
    directory(posix.dirname(path));
    members.set(path, { path: path.slice(1), type: 'directory', mode: path === '/tmp' ? 0o1777 : 0o755, size: 0 });
  };
  for (const path of image.directories ?? []) directory(path);
  for (const { path, target } of image.links ?? []) {
    directory(posix.dirname(path));
    members.set(path, { path: path.slice(1), type: 'symlink', mode: 0o777, size: 0, linkTarget: target });
  }
  for (const file of image.files) {
    directory(posix.dirname(file.path));
    members.set(file.path, await fileMember(file));
  }
  return [...members.values()];
}

async function fileMember(file: ImageFile): Promise<Member> {
  const common = { path: file.path.slice(1), type: 'file', mode: file.mode } as const;
  if ('source' in file) return { ...common, size: (await stat(file.source)).size, source: file.source };
  const content = Buffer.from(file.content);
  return { ...common, size: content.length, content };
}

function textMember(path: string, text: string): Member {
  const content = Buffer.from(text);
  return { path, type: 'file', mode: 0o644, size: content.length, content };
}

/** Writes a whole layer and returns its size. */
async function writeLayer(sink: Sink, members: readonly Member[]): Promise<number> {
  let size = 0;
  const counting: Sink = {
    async write(bytes) {
      size += bytes.length;
      await sink.write(bytes);
    },
  };
  for (const member of members) await writeMember(counting, member);
  await counting.write(TAR_END);
  return size;
}

async function writeMember(sink: Sink, member: Member): Promise<void> {
  await sink.write(tarHeader(member));
  if (member.content) await sink.write(member.content);
  if (member.source !== undefined) await copyFile(sink, member.source, member.size);
  await sink.write(tarPadding(member.size));
}

async function copyFile(sink: Sink, source: string, size: number): Promise<void> {
  const file = await open(source, 'r');
  let copied = 0;
  try {
    for await (const chunk of file.createReadStream({ highWaterMark: 1 << 20, autoClose: false })) {
      copied += (chunk as Buffer).length;
      await sink.write(chunk as Buffer);
    }
  } finally {
    await file.close();
  }
  if (copied !== size) throw new Error(`${source} changed while it was read: ${copied} bytes instead of ${size}`);
}

function fileSink(file: FileHandle): Sink {
  return {
    async write(bytes) {
      await file.writev([bytes]);
    },
  };
}

function hashSink(hash: Hash): Sink {
  return {
    async write(bytes) {
      hash.update(bytes);
    },
  };
}
