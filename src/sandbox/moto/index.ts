export { MotoAdmin, type MotoIdentity } from './admin.js';
export { type MotoHandle, type StartMotoOptions, startMoto, stopMoto } from './server.js';
export type * from './types.js';
export { ensureVenv, type VenvOptions } from './venv.js';
