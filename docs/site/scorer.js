// Pages for users come first in the search, then reference, then internals, decisions and changes.
// The numbers besides score() are Sphinx's own.
var Scorer = {
  score: ([page, , , , score]) =>
    score + (/(how-to|tutorial|README)/.test(page) ? 30 : /(reference|glossary)/.test(page) ? 10
      : /(adr|CHANGELOG|CONTRIBUTING)/.test(page) ? -30 : 0),
  objNameMatch: 11, objPartialMatch: 6, objPrio: { 0: 15, 1: 5, 2: -5 }, objPrioDefault: 0,
  title: 15, partialTitle: 7, term: 5, partialTerm: 2,
};
