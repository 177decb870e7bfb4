/** A line of a file, or why it can't be read. */
export interface Line {
  number: number;
  text: string;
  wrong?: string;
}

/** The longest line that is read, in characters: the engine takes no message of more than 4 MB. */
const longest = 16 * 1024 * 1024;

/** Yields the lines of a stream that are not empty, as they are asked for. Never holds more than one line and one chunk. */
export async function* linesOf(stream: AsyncIterable<Buffer | string>): AsyncGenerator<Line, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: false });
  let rest = '';
  let number = 0;
  let tooLong = false;
  const whole = (text: string): Line | undefined => {
    number += 1;
    const wasTooLong = tooLong;
    tooLong = false;
    const line = text.endsWith('\r') ? text.slice(0, -1) : text;
    if (wasTooLong) return { number, text: '', wrong: `expected at most ${longest} characters` };
    return line.trim() === '' ? undefined : { number, text: line };
  };
  for await (const chunk of stream) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    let from = 0;
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n', from)) {
      const line = whole(rest.slice(from, end));
      from = end + 1;
      if (line) yield line;
    }
    rest = rest.slice(from);
    if (rest.length > longest) {
      tooLong = true;
      rest = '';
    }
  }
  rest += decoder.decode();
  if (rest === '' && !tooLong) return;
  const line = whole(rest);
  if (line) yield line;
}
