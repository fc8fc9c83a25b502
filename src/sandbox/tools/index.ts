export { isToolName, KUBERNETES_VERSION, KUBERNETES_VERSIONS, TOOL_NAMES, TOOLS, type ToolName } from './catalog.js';
export type { ToolContext } from './context.js';
export { type EnsureOptions, ensureTool, ensureTools } from './ensure.js';
export {
  ensureHostPackages,
  type HostPackage,
  hostPackages,
  installCommand,
  missingHostPackages,
} from './host-packages.js';
export { ensureMachineTree } from './machine-tree.js';
export { nodeProgramLinks, versionsInTree } from './node-programs.js';
