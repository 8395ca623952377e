/**
 * Indented when it is JSON, else exactly as it came. Only white space between tokens is added: parsing and
 * printing again would round large numbers and drop repeated names, which may be the very reason of refusal.
 */
export function indented(text: string): string {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  let depth = 0;
  const line = () => `\n${'  '.repeat(depth)}`;
  // A whole string, an empty object or list, one structural character, or the white space that was there.
  return text.replace(/"(?:\\.|[^"\\])*"|\{\s*\}|\[\s*\]|[{}[\],:]|\s+/g, (token) => {
    if (token === '{' || token === '[') {
      depth += 1;
      return token + line();
    }
    if (token === '}' || token === ']') {
      depth -= 1;
      return line() + token;
    }
    if (token === ',') return token + line();
    if (token === ':') return ': ';
    return /^\s+$/.test(token) ? '' : token;
  });
}
