/** A reply's JSON body, in the shape that the test expects it to have. */
export async function jsonOf<T>(reply: Response): Promise<T> {
  return (await reply.json()) as T;
}

/** The `message` of an error reply of the engine. */
export async function messageOf(reply: Response): Promise<string> {
  return (await jsonOf<{ message: string }>(reply)).message;
}

/** The first error code of an error reply of a registry. */
export async function registryCodeOf(reply: Response): Promise<string | undefined> {
  return (await jsonOf<{ errors: { code: string }[] }>(reply)).errors[0]?.code;
}
