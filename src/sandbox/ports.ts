import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { commandLine, pids } from './machines/processes.js';
import { markOf } from './mark.js';

const LOOPBACK = '127.0.0.1';
/** State LISTEN. Source: include/net/tcp_states.h. */
const LISTEN = '0A';

/** Free TCP ports on loopback, none of `taken`; all are held open together, so that no two are the same. */
export async function freePorts(count: number, taken: ReadonlySet<number> = new Set()): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count + taken.size }, () => listen(0)));
  const ports = servers.map((s) => (s.address() as net.AddressInfo).port);
  await Promise.all(servers.map(close));
  return ports.filter((port) => !taken.has(port)).slice(0, count);
}

/** Why nothing can listen on a loopback port, as the rest of a sentence; undefined when it is free. */
export async function portTrouble(port: number): Promise<string | undefined> {
  try {
    await close(await listen(port));
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') return `is taken by ${holderOf(port)}`;
    return code === 'EACCES' ? 'needs root, as all below 1024 do' : `cannot be used: ${message}`;
  }
}

/** The process that listens on a TCP port, in words. Only root sees other users' processes. */
export function holderOf(port: number): string {
  const inodes = new Set(listeningInodes(port));
  const pid = pids().find((p) => socketsOf(p).some((inode) => inodes.has(inode)));
  if (pid === undefined) return 'a process of another user';
  const mark = markOf(pid);
  if (mark) return `${mark.component} (process ${pid}) of the sandbox in ${mark.root}`;
  const [program = ''] = commandLine(pid).split(' ');
  return `${path.basename(program) || 'a process'} (process ${pid})`;
}

/** True when something accepts TCP there. */
export function accepts(address: string): Promise<boolean> {
  const [host = '127.0.0.1', port = '0'] = address.replace(/^\w+:\/\//, '').split(':');
  return new Promise((resolve) => {
    const socket = net.connect({ host, port: Number(port), timeout: 1_000 });
    const end = (ok: boolean): void => {
      socket.destroy();
      resolve(ok);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}

function listeningInodes(port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) =>
    lines(table).flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      return fields[3] === LISTEN && fields[1]?.endsWith(`:${hex}`) ? [fields[9] ?? ''] : [];
    }),
  );
}

function socketsOf(pid: number): string[] {
  const dir = `/proc/${pid}/fd`;
  try {
    return readdirSync(dir).flatMap((fd) => /^socket:\[(\d+)\]$/.exec(linkOf(path.join(dir, fd)))?.[1] ?? []);
  } catch {
    return []; // it ended, or is another user's
  }
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return ''; // closed meanwhile
  }
}

function lines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return []; // no such protocol on this host
  }
}

function listen(port: number): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(port, LOOPBACK, () => resolve(server));
  });
}

function close(server: net.Server): Promise<unknown> {
  return new Promise((resolve) => server.close(resolve));
}
