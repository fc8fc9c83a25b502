import { execFile } from 'node:child_process';
import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inflateSync } from 'node:zlib';
import { childEnvironment } from '../../src/config/config.js';

const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

function run(command: string, args: readonly string[], timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = childEnvironment({ DEBIAN_FRONTEND: 'noninteractive' });
    execFile(command, [...args], { env, timeout: timeoutMs, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${command} failed: ${stderr.slice(-2_000) || error.message}`));
      else resolve(stdout);
    });
  });
}

async function installed(): Promise<string | undefined> {
  for (const program of PROGRAMS) {
    const there = await access(program).then(
      () => true,
      () => false,
    );
    if (there) return program;
  }
  return undefined;
}

/** A browser to take pictures with; installed from Debian when there is none and this user may. Says so. */
export async function ensureBrowser(say: (line: string) => void): Promise<string> {
  const found = await installed();
  if (found) return found;
  if (process.getuid?.() !== 0)
    throw new Error('no chromium found; install it: apt-get install --no-install-recommends chromium');
  say('installing chromium with apt-get (about 250 MB on disk)');
  await run('apt-get', ['update', '-qq'], 300_000);
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], 900_000);
  const now = await installed();
  if (!now) throw new Error('apt-get installed chromium, but no program of it is where it should be');
  return now;
}

export interface Page {
  readonly url: string;
  readonly width: number;
  readonly height: number;
  /** Texts that the page must show. A single-page app shows nothing at first: the picture is taken again until they are there. */
  readonly shows: readonly string[];
}

/** Saves a picture of the page as PNG once it shows what it must. Each attempt is a browser with a profile of its own. */
export async function takePicture(browser: string, page: Page, file: string): Promise<void> {
  let missing: readonly string[] = page.shows;
  for (const budgetMs of [8_000, 16_000, 32_000, 64_000]) {
    const profile = await mkdtemp(path.join(tmpdir(), 'perdure-browser-'));
    const flags = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--hide-scrollbars',
      '--force-color-profile=srgb',
      `--user-data-dir=${profile}`,
      `--window-size=${page.width},${page.height}`,
      `--virtual-time-budget=${budgetMs}`,
    ];
    try {
      const dom = await run(browser, [...flags, '--dump-dom', page.url], 180_000);
      missing = page.shows.filter((text) => !dom.includes(text));
      if (missing.length > 0) continue;
      await run(browser, [...flags, `--screenshot=${file}`, page.url], 180_000);
      return;
    } finally {
      await rm(profile, { recursive: true, force: true });
    }
  }
  throw new Error(`${page.url} never showed ${missing.join(', ')}`);
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Different rows of pixels: a blank page has one, a table hundreds. */
  readonly distinctRows: number;
}

const SIGNATURE = '89504e470d0a1a0a';

/** Looks into a PNG. Throws when it is none. Source: PNG specification, chunk layout. */
export async function lookAtPng(file: string): Promise<Picture> {
  const bytes = await readFile(file);
  if (bytes.subarray(0, 8).toString('hex') !== SIGNATURE) throw new Error(`${file} is not a PNG`);
  let [width, height, channels] = [0, 0, 0];
  const data: Buffer[] = [];
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR') {
      width = body.readUInt32BE(0);
      height = body.readUInt32BE(4);
      channels = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }[body[9] ?? 0] ?? 1;
    }
    if (type === 'IDAT') data.push(body);
    at += 12 + length;
  }
  const raw = inflateSync(Buffer.concat(data));
  const stride = width * channels + 1;
  const rows = new Set<string>();
  for (let y = 0; y < height; y++) rows.add(raw.toString('latin1', y * stride, (y + 1) * stride));
  return { width, height, distinctRows: rows.size };
}
