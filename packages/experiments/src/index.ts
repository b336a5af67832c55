export * from './api.js';
export { catalogue } from './catalogue.js';
export { checkerFor } from './lab/checked.js';
export { checkDeterminism, runScenario } from './run.js';
export { resolveScenario, scenarioToYaml } from './scenario/resolve.js';
