// Health check of a container: node docker/health.js URL [CA-FILE]. Ends with 0 when the URL answers 200.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';

const [url = '', caFile] = process.argv.slice(2);
const options = { timeout: 3_000, ...(caFile ? { ca: readFileSync(caFile) } : {}) };
const request = (url.startsWith('https:') ? https : http).get(url, options, (response) => {
  response.resume();
  process.exitCode = response.statusCode === 200 ? 0 : 1;
});
request.once('timeout', () => request.destroy(new Error(`no answer from ${url}`)));
request.once('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
