# life_situation_meters of AuroraAI: the ten meters of 3X10D, each a list of whole numbers from 0 to 10.
# In:  the claims of /userinfo: {"sub": "...", "updated_at": 1767261600,
#       "life_situation_meters": {"housing": [2], "health": [7, 8], ...}}
# Out: one mylife/assessment/1; of several values the mean counts, as it did there.
# Source of the form: schemas/attributes.json of vrk-kpa/auroraai-core-components (MIT).

def themes: {
  working_studying: "studies-work", family: "family", health: "health", friends: "friends",
  improvement_of_strengths: "personal-development", housing: "housing", finance: "finance",
  life_satisfaction: "life-satisfaction", self_esteem: "self-esteem", resilience: "resilience"
};

{
  schema: "mylife/assessment/1",
  id: "auroraai-\(.updated_at)",
  person: .sub,
  form: "3x10d-10",
  status: "completed",
  authored: (.updated_at | todate),
  answered_by: "person",
  language: "und",
  answers: [
    .life_situation_meters | to_entries[]
    | {theme: themes[.key], satisfaction: (.value | add / length | round)}
  ]
}
