/** An error with the text that the SDK's clients give to one of gRPC. */
export function grpcError(method: string, code: string, message: string): Error {
  return new Error(`/${method} ${code}: ${message}`);
}

/** An error as the REST client throws it for what does not exist. */
export function notFound(what: string): Error {
  return Object.assign(new Error(`${what} was not found.`), { response: { status: 404 } });
}

/** An error for what only a real engine has. */
export function notInKit(what: string): Error {
  return new Error(`The in-process engine has no ${what}. Test this on a real engine.`);
}
