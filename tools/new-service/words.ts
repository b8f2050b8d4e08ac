import { ConfigProblem } from '@khue/host/config';

/** What a new service and its first noun are called. */
export interface Words {
  /** Lower case, one word: it stands in topics, schemas, addresses and variables of the environment. */
  readonly name: string;
  /** In kebab-case, one thing: `past-assessment`. */
  readonly noun: string;
  /** The noun in Vietnamese, as it stands within a sentence. */
  readonly vi: string;
}

const reserved =
  /^(await|break|case|catch|class|const|continue|default|delete|do|else|enum|export|for|function|if|import|in|let|new|return|super|switch|this|throw|try|typeof|var|void|while|with|yield)$/;

/** Throws ConfigProblem, with what to mend, for words that no code could be made of. */
export const assertWords = ({ name, noun, vi }: Words): void => {
  if (!/^[a-z]+$/.test(name))
    throw new ConfigProblem(`"${name}" can't name a service: one word of small letters, for it stands in topics and databases.`);
  if (!/^[a-z]+(-[a-z]+)*$/.test(noun) || reserved.test(noun))
    throw new ConfigProblem(`"${noun}" can't name records: say one thing in kebab-case, such as past-assessment.`);
  if (!/^[\p{L} ]+$/u.test(vi)) throw new ConfigProblem(`"${vi}" can't stand in a sentence: letters and spaces.`);
};

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);
const camel = (kebab: string): string => kebab.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
const pluralOf = (noun: string): string =>
  /[^aeiou]y$/.test(noun) ? `${noun.slice(0, -1)}ies` : /(s|x|z|ch|sh)$/.test(noun) ? `${noun}es` : `${noun}s`;

const formsOf = ({ name, noun, vi }: Words): Readonly<Record<string, string>> => {
  const nouns = pluralOf(noun);
  return {
    name,
    Name: capital(name),
    noun: camel(noun),
    Noun: capital(camel(noun)),
    nouns: camel(nouns),
    Nouns: capital(camel(nouns)),
    'noun-kebab': noun,
    'nouns-kebab': nouns,
    noun_snake: noun.replaceAll('-', '_'),
    'noun words': noun.replaceAll('-', ' '),
    'nouns words': nouns.replaceAll('-', ' '),
    vi,
    Vi: capital(vi),
  };
};

/** Fills the places of a template: `__Noun__`, `__noun words__`. Throws for a place that no word fills. */
export const filler = (words: Words): ((template: string) => string) => {
  const forms = formsOf(words);
  return (template) =>
    template.replace(/__([A-Za-z]+([ _-][a-z]+)?)__/g, (place, form: string) => {
      const word = forms[form];
      if (word === undefined) throw new Error(`the template has a place ${place} that no word fills`);
      return word;
    });
};
