// Search: guides stand before the tour, and both before the names of the reference, except where a name is asked for
// exactly and no guide has it in a heading. Scores of Sphinx: 15 for a word in a heading, 5 for one in the text, 16 for
// the exact name of a function or class, less for a part of a name.
var Scorer = {
  score: ([docname, title, anchor, description, score, filename, kind]) => {
    const asked = (new URLSearchParams(window.location.search).get("q") || "").trim().toLowerCase()
    if (kind === "object") {
      const whole = title.toLowerCase().split(".").pop() === asked && !/method|attribute|property/.test(description)
      return whole ? 48 : score
    }
    const place = [/^docs\/(?!reference\/|index$|benchmarks$|results$)/, /^notebooks\//, /^docs\/reference\//]
    const nearness = [15, 10, 5][place.findIndex((folder) => folder.test(docname))] || 0
    const heading = title.split(" > ").pop().toLowerCase()
    const relevance = heading.includes(asked) ? 60 : score >= 15 ? 40 : 20
    return relevance + nearness + (relevance === 60 && !anchor ? 4 : 0) + asked.length / heading.length
  },

  // as in Sphinx, which takes all of them from here
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
}
