# A municipality's own survey: names in Finnish, answers from 1 to 5.
# In:  {"asiakas": "a-17", "lomake": "k-2026-1", "vastattu": "2026-02-01T10:00:00+02:00", "kieli": "fi",
#       "vastaukset": {"asuminen": {"tyytyvaisyys": 2, "tarkeys": 5, "omin_sanoin": "..."}, ...}}
# Out: one mylife/assessment/1. From 1 to 5 becomes 0, 3, 5, 8, 10: a step is two and a half, rounded up.

def themes: {
  "opiskelu_ja_tyo": "studies-work", "perhe": "family", "terveys": "health", "ystavat": "friends",
  "itsensa_kehittaminen": "personal-development", "asuminen": "housing", "talous": "finance",
  "elamantyytyvaisyys": "life-satisfaction", "itsetunto": "self-esteem", "selviytymiskyky": "resilience"
};

def score:
  if . == null then empty
  elif (type == "number") and . >= 1 and . <= 5 and . == floor then ((. - 1) * 5 + 1) / 2 | floor
  else error("an answer is a whole number from 1 to 5")
  end;

def own_words: if . == null or . == "" then empty else . end;

{
  schema: "mylife/assessment/1",
  id: .lomake,
  person: .asiakas,
  form: "3x10d-30",
  status: "completed",
  authored: .vastattu,
  answered_by: "person",
  language: (.kieli // "fi"),
  answers: [
    .vastaukset | to_entries[] | .key as $name | .value
    | {theme: (themes[$name] // error("no theme of ours is called \($name)"))}
      + ([.tarkeys | score] | if . == [] then {} else {importance: .[0]} end)
      + ([.tyytyvaisyys | score] | if . == [] then {} else {satisfaction: .[0]} end)
      + ([.omin_sanoin | own_words] | if . == [] then {} else {future: .[0]} end)
  ]
}
