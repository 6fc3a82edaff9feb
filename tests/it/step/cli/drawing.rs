//! `mylife circle`: an assessment is drawn as an operator or an integrator runs it.

use std::fs;

use mylife::cli::exit::Exit;

use super::{Dir, around, fixture, run};

#[test]
fn an_assessment_is_drawn_without_a_gateway() {
    let dir = Dir::new("cli-circle");
    let file = fixture("native/assessment-30.json");
    let (exit, said, _) = run(&around(), &["circle", &file, "--lang", "en"]);
    assert_eq!(exit, Exit::Fine);
    assert!(said.starts_with("<svg ") && said.ends_with("</svg>\n"), "{said}");
    assert!(said.contains("Circle of Life 3X10D"), "{said}");
    let rows = [("a.svg", "<svg "), ("a.html", "<!DOCTYPE html>"), ("a.json", "{\"language\"")];
    for (name, begins) in rows {
        let out = dir.write(name, "").display().to_string();
        let (exit, said, _) = run(&around(), &["circle", &file, "--lang", "sv", "--out", &out]);
        assert_eq!((exit, said.as_str()), (Exit::Fine, ""));
        let drawn = fs::read_to_string(&out).unwrap();
        assert!(drawn.starts_with(begins), "{drawn}");
    }
    let person = fixture("native/person.json");
    let (exit, _, complaint) = run(&around(), &["circle", &person]);
    assert_eq!((exit, complaint.trim()), (Exit::Usage, "There is no assessment in it."));
}
