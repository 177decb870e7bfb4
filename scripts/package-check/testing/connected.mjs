// As a user's module that connects when it is imported: a test has to mock the client.
import { HatchetClient } from '@hatchet-dev/typescript-sdk';
import { Mageflow } from 'mageflow';

export const mage = new Mageflow(HatchetClient.init(), process.env.REDIS_URL);
export const hello = mage.task({ name: 'hello', fn: ({ name }) => ({ text: `Hello ${name}` }) });
