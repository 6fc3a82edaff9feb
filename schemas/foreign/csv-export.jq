# A table of answers, a row each: columns person, id, time, language, and of each theme
# <theme>_importance, <theme>_satisfaction and <theme>_future, empty where not answered.
# In:  a row as an object of texts.
# Out: one mylife/assessment/1.

def themes: ["studies-work", "family", "health", "friends", "personal-development", "housing", "finance",
  "life-satisfaction", "self-esteem", "resilience"];

def said: if . == null or . == "" then null else . end;

. as $row
| {
    schema: "mylife/assessment/1",
    id: .id,
    person: .person,
    form: "3x10d-30",
    status: "completed",
    authored: .time,
    answered_by: "person",
    language: (.language | said // "und"),
    answers: [
      themes[] as $theme
      | {theme: $theme}
        + ([("importance", "satisfaction") as $of
            | {($of): ($row["\($theme)_\($of)"] | said | if . then tonumber else null end)}]
          + [{future: ($row["\($theme)_future"] | said)}]
          | add | with_entries(select(.value != null)))
      | select(length > 1)
    ]
  }
