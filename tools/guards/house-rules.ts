import type { ESLint, Rule, Scope, SourceCode } from 'eslint';

type Exception = (node: Rule.Node, code: SourceCode) => boolean;

/** A rule of its own for each thing forbidden: ESLint keeps one list of `no-restricted-syntax` per file, so that a later block would switch an earlier one off. */
const forbidUnless = (exception: Exception, message: string, ...selectors: string[]): Rule.RuleModule => ({
  meta: { type: 'problem', schema: [], messages: { forbidden: message } },
  create: (context) => {
    const visit = (node: Rule.Node): void => {
      if (!exception(node, context.sourceCode)) context.report({ node, messageId: 'forbidden' });
    };
    return Object.fromEntries(selectors.map((selector) => [selector, visit]));
  },
});
const forbid = (message: string, ...selectors: string[]): Rule.RuleModule => forbidUnless(() => false, message, ...selectors);

/** `process` may be the name of something of ours. */
const isOurProcess: Exception = (node, code) => {
  if (node.type !== 'MemberExpression' || node.object.type !== 'Identifier') return false;
  for (let scope: Scope.Scope | null = code.getScope(node); scope; scope = scope.upper) {
    const [definition] = scope.set.get(node.object.name)?.defs ?? [];
    if (definition) return definition.type !== 'ImportBinding';
  }
  return false;
};

const roots = '/^(it|test|describe|suite|bench)$/';
const opening = '/^\\s*(begin|start\\s+transaction)\\b/i';
const collection = '/^(Map|Set|WeakMap|WeakSet)$/';
const topLevel = ':matches(Program, Program > ExportNamedDeclaration)';

const rules: Record<string, Rule.RuleModule> = {
  'no-default-export': forbid(
    'No default exports: one thing has one name everywhere.',
    'ExportDefaultDeclaration',
    'ExportSpecifier[exported.name="default"]',
    'ExportSpecifier[exported.value="default"]',
    'TSExportAssignment',
  ),
  'no-barrel': forbid('No barrels: import from the file that has it; package exports are subpaths.', 'ExportAllDeclaration'),
  'no-second-language': forbid(
    'No enums, namespaces or decorators: what remains when types are erased must run.',
    'TSEnumDeclaration',
    'TSModuleDeclaration[kind="namespace"]',
    'TSModuleDeclaration[kind="module"][id.type="Identifier"]',
    'TSParameterProperty',
    'TSImportEqualsDeclaration',
    'Decorator',
  ),
  'no-role-class': forbid(
    'No *Service, *Manager, *Helper, *Impl, *Base classes and no base classes: functions and plain data, named after the thing.',
    ':matches(ClassDeclaration, ClassExpression)[id.name=/(Service|Manager|Helper|Impl|Base)$/]',
    ':matches(ClassDeclaration, ClassExpression)[abstract=true]',
    'VariableDeclarator[id.name=/(Service|Manager|Helper|Impl|Base)$/] > ClassExpression',
  ),
  'one-environment': forbidUnless(
    isOurProcess,
    'The environment is read in libs/host/src/config.ts and nowhere else.',
    'MemberExpression[property.name="env"]:matches([object.name="process"], [object.property.name="process"], [object.type="MetaProperty"])',
    'MemberExpression[property.value="env"]:matches([object.name="process"], [object.property.name="process"], [object.type="MetaProperty"])',
    'VariableDeclarator[init.name="process"] > ObjectPattern',
    'VariableDeclarator[init.property.name="process"] > ObjectPattern',
    'ImportDeclaration[source.value=/^(node:)?process$/] > :matches(ImportDefaultSpecifier, ImportNamespaceSpecifier)',
    'ImportDeclaration[source.value=/^(node:)?process$/] > ImportSpecifier[imported.name=/^(env|default|loadEnvFile)$/]',
    'ImportExpression[source.value=/^(node:)?process$/]',
    'CallExpression[callee.property.name="getBuiltinModule"]',
    'CallExpression[callee.name="require"][arguments.0.value=/^(node:)?process$/]',
  ),
  'no-transaction': forbid(
    'Only commands.ts opens a transaction: what is written goes through the flush.',
    'ImportSpecifier[imported.name="inTransaction"]',
    `Literal[value=${opening}]`,
    `TemplateElement[value.raw=${opening}]`,
    'MemberExpression[property.name="$transaction"]',
  ),
  'no-silent-test': forbid(
    "No skipped, focused or postponed tests: what can't run says so through @khue/testing.",
    `MemberExpression[object.name=${roots}][property.name=/^(skip|only|todo|skipIf|runIf)$/]`,
    `MemberExpression[object.object.name=${roots}][property.name=/^(skip|only|todo|skipIf|runIf)$/]`,
    `MemberExpression[object.callee.object.name=${roots}][property.name=/^(skip|only|todo|skipIf|runIf)$/]`,
    'CallExpression[callee.name=/^(xit|xtest|xdescribe|fit|fdescribe)$/]',
    `CallExpression[callee.name=${roots}] > ObjectExpression > Property[key.name=/^(skip|only|todo)$/]`,
    'CallExpression[callee.property.name="skip"]',
    'CallExpression[callee.name="skip"]',
    'Property[key.name="skip"][parent.parent.type=/Function/]',
  ),
  'no-clock': forbid(
    'No clock, no ids, no chance in the domain: they come with the command.',
    'NewExpression[callee.name="Date"][arguments.length=0]',
    'CallExpression[callee.name="Date"]',
    'MemberExpression[object.name="Date"][property.name="now"]',
    'MemberExpression[object.name="Math"][property.name="random"]',
    ':matches(Identifier[name="performance"], Identifier[name="crypto"], Identifier[name="Temporal"])',
    ':matches(AwaitExpression, ArrowFunctionExpression[async=true], FunctionDeclaration[async=true], FunctionExpression[async=true])',
    'CallExpression[callee.name=/^(setTimeout|setInterval|setImmediate|queueMicrotask|fetch)$/]',
  ),
  'no-hidden-import': forbid(
    'What is imported stands in the import: what a file knows is read from there, by people and by the other guards.',
    'ImportSpecifier[imported.name="createRequire"]',
    'ImportDeclaration[source.value=/^(node:)?module$/] > :matches(ImportDefaultSpecifier, ImportNamespaceSpecifier)',
    'CallExpression[callee.name="require"]',
    'ImportExpression[source.type!="Literal"]',
  ),
  'no-module-state': forbid(
    'No state at module level: a second service in the process would share it.',
    `${topLevel} > VariableDeclaration[kind=/^(let|var)$/]`,
    `${topLevel} > VariableDeclaration > VariableDeclarator:not([id.typeAnnotation.typeAnnotation.typeName.name=/^Readonly/]) > NewExpression[callee.name=${collection}][arguments.length=0]`,
  ),
};

export const house: ESLint.Plugin = { meta: { name: 'khue' }, rules };
