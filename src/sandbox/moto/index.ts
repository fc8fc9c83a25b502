export { MotoAdmin, type MotoIdentity } from './admin.js';
export { type MotoHandle, motoCommand, type StartMotoOptions, startMoto, stopMoto } from './server.js';
export type * from './types.js';
export { ensureVenv, type VenvOptions } from './venv.js';
