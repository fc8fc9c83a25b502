export type * from './aws.js';
export type * from './core.js';
export type * from './kubeadm.js';
export type * from './meta.js';
