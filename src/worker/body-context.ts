import type { RunMetadata } from '../hatchet/metadata';
import type { Message } from '../messages/json';
import type { MageContext } from './context';

/** The {@link MageContext} of one execution of an item. */
export class BodyContext implements MageContext {
  signatureId: string;
  attempt: number;
  declare swarmId?: string;
  declare chainId?: string;
  declare rootId?: string;
  declare tags?: string[];
  declare index?: number;
  declare message?: Message;
  #messageText = '';

  constructor(
    metadata: RunMetadata,
    { attempt, groupId, isRoot }: { attempt: number; groupId: string; isRoot: boolean },
  ) {
    this.signatureId = metadata.signature || groupId;
    this.attempt = attempt;
    const rootId = isRoot ? this.signatureId : metadata.root;
    if (metadata.swarm) this.swarmId = metadata.swarm;
    if (metadata.chain) this.chainId = metadata.chain;
    if (rootId) this.rootId = rootId;
    if (metadata.tags.length > 0) this.tags = [...metadata.tags];
    if (metadata.index !== '') this.index = Number(metadata.index);
  }

  /** Sets the message with which the group was started. @param message - JSON text is parsed at the first access */
  setMessage(message: Message | string | undefined): void {
    if (message === undefined) return;
    if (typeof message !== 'string') return void (this.message = message);
    this.#messageText = message;
    Object.defineProperty(this, 'message', parsedMessage);
  }

  static parse(context: BodyContext): Message {
    const value = JSON.parse(context.#messageText) as Message;
    Object.defineProperty(context, 'message', { value, writable: true, enumerable: true, configurable: true });
    return value;
  }
}

/** One property for all contexts: a getter for each would give each context a hidden class of its own. */
const parsedMessage: PropertyDescriptor & ThisType<BodyContext> = {
  get() {
    return BodyContext.parse(this);
  },
  enumerable: true,
  configurable: true,
};
