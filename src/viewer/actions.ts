import type { AnySignature, Chain, RetryFailedOptions, RootSignature, Swarm } from '../api/types';
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
  retry: async (signature, body) => ({ retried: await retry(signature, filterOf(body)) }),
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

async function retry(signature: AnySignature, filter: RetryFailedOptions): Promise<number> {
  switch (signature.kind) {
    case 'swarm':
      return (signature as Swarm<unknown>).retryFailed(filter);
    case 'root':
      return (await childrenOf(signature)).retryFailed(filter);
    case 'chain':
      if (Object.keys(filter).length > 0)
        throw new Refusal(400, 'A chain goes on at the step that failed: no items can be chosen.');
      return (signature as Chain<never, unknown>).retryFailed();
    case 'task':
      throw new Refusal(400, 'A single task has no items to retry.');
  }
}

function filterOf(body: Body): RetryFailedOptions {
  const unknown = Object.keys(body).find((field) => !(retryFields as readonly string[]).includes(field));
  if (unknown !== undefined) throw new Refusal(400, `Expected ${retryFields.join(', ')} only, got "${unknown}".`);
  return body as RetryFailedOptions;
}
