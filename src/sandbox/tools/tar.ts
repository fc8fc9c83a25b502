/** One member of a tar archive. */
export interface TarEntry {
  /** Without a leading slash. At most 100 bytes, or at most 255 with a slash at a fitting place. */
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink';
  readonly mode: number;
  /** Bytes that follow the header; 0 unless a file. */
  readonly size: number;
  readonly linkTarget?: string;
}

const BLOCK = 512;
const TYPE_FLAG = { file: '0', symlink: '2', directory: '5' } as const;

/** The header block of an entry in ustar format, owned by root and dated to the epoch, so that equal content gives equal bytes. */
export function tarHeader(entry: TarEntry): Buffer {
  const block = Buffer.alloc(BLOCK);
  const { prefix, name } = splitPath(entry.type === 'directory' ? `${entry.path}/` : entry.path);
  write(block, 0, 100, name);
  write(block, 100, 8, octal(entry.mode, 7));
  write(block, 108, 8, octal(0, 7));
  write(block, 116, 8, octal(0, 7));
  write(block, 124, 12, octal(entry.size, 11));
  write(block, 136, 12, octal(0, 11));
  block.fill(' ', 148, 156);
  write(block, 156, 1, TYPE_FLAG[entry.type]);
  write(block, 157, 100, entry.linkTarget ?? '');
  write(block, 257, 8, 'ustar\0' + '00');
  write(block, 345, 155, prefix);
  const sum = block.reduce((total, byte) => total + byte, 0);
  write(block, 148, 8, `${octal(sum, 6)}\0 `);
  return block;
}

/** Zero bytes that fill a member of `size` bytes up to a whole block. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** End of an archive. */
export const TAR_END = Buffer.alloc(2 * BLOCK);

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

function write(block: Buffer, offset: number, room: number, text: string): void {
  const bytes = Buffer.from(text);
  if (bytes.length > room) throw new RangeError(`"${text}" does not fit into a field of ${room} bytes of a tar header`);
  bytes.copy(block, offset);
}

function splitPath(path: string): { prefix: string; name: string } {
  if (Buffer.byteLength(path) <= 100) return { prefix: '', name: path };
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (name !== '' && Buffer.byteLength(name) <= 100) return { prefix, name };
  }
  return { prefix: '', name: path };
}
