import type { JsonSchemaType, ToolAnnotations } from '@modelcontextprotocol/server';
import type { Session } from './session';

/** A call that agents can make. */
export interface Tool<A = Record<string, unknown>> {
  name: string;
  title: string;
  /** Tells a model when to call it, and what to do with the answer. */
  description: string;
  /** A JSON Schema of the arguments. */
  input: JsonSchemaType;
  annotations: ToolAnnotations;
  /** @returns what is sent as JSON. @throws what is sent as an error, in one line */
  call(session: Session, args: A, signal: AbortSignal): Promise<unknown>;
}

/** The definition of a tool. The schema of its properties refuses whatever is not of the type `A`. */
interface Definition<A> extends Omit<Tool<A>, 'input'> {
  properties: Record<string, JsonSchemaType>;
  required?: readonly (keyof A & string)[];
}

/** Makes a tool that only reads. */
export function readingTool<A>(definition: Omit<Definition<A>, 'annotations'>): Tool {
  return toolOf({ ...definition, annotations: { readOnlyHint: true, openWorldHint: false } });
}

/** Makes a tool that changes something. */
export function changingTool<A>(
  definition: Omit<Definition<A>, 'annotations'>,
  hints: Required<Pick<ToolAnnotations, 'destructiveHint' | 'idempotentHint'>>,
): Tool {
  return toolOf({ ...definition, annotations: { readOnlyHint: false, ...hints } });
}

function toolOf<A>({ properties, required = [], call, ...rest }: Definition<A>): Tool {
  return {
    ...rest,
    input: { type: 'object', properties, required: [...required], additionalProperties: false },
    call: (session, args, signal) => call(session, args as A, signal),
  };
}

/** Returns the schema of a text. */
export function text(description: string): JsonSchemaType {
  return { type: 'string', minLength: 1, description };
}

/** Returns the schema of one of some texts. */
export function oneOf(values: readonly string[], description: string): JsonSchemaType {
  return { type: 'string', enum: [...values], description };
}

/** Returns the schema of a whole number. */
export function count(minimum: number, maximum: number, description: string): JsonSchemaType {
  return { type: 'integer', minimum, maximum, description };
}

export const anyId = text('Id of a group, item or callback, as list and show give it');
