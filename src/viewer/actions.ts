import { retryItems } from '../api/retry-items';
import type { AnySignature, RetryFailedOptions, RootSignature, Swarm } from '../api/types';
import type { SwarmConfig } from '../config/swarm-config';
import { Refusal } from './responses';
import type { ViewerWrites } from './source';
import type { ActionName, ActionResult } from './wire';

type Body = Record<string, unknown>;

const retryFields = ['indexes', 'name', 'error', 'message'] as const;

/** What the buttons do: the same functions of a signature that the command line calls. */
const actions: Record<ActionName, (signature: AnySignature, body: Body) => Promise<ActionResult>> = {
  suspend: async (signature) => {
    await signature.suspend();
    return {};
  },
  resume: async (signature) => {
    await signature.resume();
    return {};
  },
  cancel: async (signature) => {
    await signature.cancel();
    return {};
  },
  close: async (signature) => {
    await swarmOf(signature, 'closed').closeSwarm();
    return {};
  },
  update: async (signature, { config }) => {
    if (typeof config !== 'object' || config === null) throw new Refusal(400, 'Expected the changes as `config`.');
    const swarm = signature.kind === 'root' ? await childrenOf(signature) : swarmOf(signature, 'updated');
    await swarm.update(config as SwarmConfig);
    return {};
  },
  retry: async (signature, body) => ({ retried: await retryItems(signature, filterOf(body)) }),
};

export function isAction(name: string): name is ActionName {
  return Object.hasOwn(actions, name);
}

/** Carries out what a button says. @throws Refusal, and what the function of the signature throws */
export async function act(writes: ViewerWrites, id: string, name: ActionName, body: Body): Promise<ActionResult> {
  return actions[name](await writes.load(id), body);
}

function swarmOf(signature: AnySignature, done: string): Swarm<unknown> {
  if (signature.kind === 'swarm') return signature as Swarm<unknown>;
  throw new Refusal(400, `A ${signature.kind} can't be ${done}, only a swarm.`);
}

function childrenOf(signature: AnySignature): Promise<Swarm<unknown>> {
  return (signature as RootSignature<never, unknown>).children();
}

function filterOf(body: Body): RetryFailedOptions {
  const unknown = Object.keys(body).find((field) => !(retryFields as readonly string[]).includes(field));
  if (unknown !== undefined) throw new Refusal(400, `Expected ${retryFields.join(', ')} only, got "${unknown}".`);
  return body as RetryFailedOptions;
}
