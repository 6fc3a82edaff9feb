//! The README's calls, run against a demo as a newcomer runs them, give the answers it shows.

/// What it takes to run them.
mod slow {
    use std::{
        io::{BufRead, BufReader},
        path::Path,
        process::{Child, Command, Stdio},
    };

    const README: &str = include_str!("../../README.md");
    /// The ports in the README, of each node and of who is notified.
    const PORTS: [(&str, &str); 3] =
        [("8443", "/nodes/kuopio/fhir"), ("8446", "/nodes/portal/fhir"), ("8447", "/receiver/url")];

    /// A demo that ends with the test.
    struct Demo(Child);

    impl Drop for Demo {
        fn drop(&mut self) {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }

    #[test]
    fn every_call_of_the_readme_gives_the_answer_it_shows() {
        let dir =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("readme-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_mylife"))
            .args(["demo", "--dir", "sandbox", "--port", "0"])
            .current_dir(&dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let told = BufReader::new(child.stdout.take().unwrap());
        let demo = Demo(child);
        let ready = told.lines().map(Result::unwrap).any(|line| line.starts_with("Serving until"));
        assert!(ready, "the demo serves");
        let sandbox = std::fs::read_to_string(dir.join("sandbox/sandbox.json")).unwrap();
        let sandbox: serde_json::Value = serde_json::from_str(&sandbox).unwrap();
        let port = |at: &str| {
            let url = sandbox.pointer(at).unwrap().as_str().unwrap();
            url.rsplit(':').next().unwrap().split('/').next().unwrap().to_owned()
        };
        let ports = PORTS.map(|(shown, at)| (format!(":{shown}"), format!(":{}", port(at))));
        let here = |text: &str| {
            ports.iter().fold(text.to_owned(), |text, (shown, own)| text.replace(shown, own))
        };
        let calls = calls();
        assert_eq!(calls.len(), 7, "seven calls with their answers");
        for (call, expected) in calls {
            let answer = run(&here(&call), &dir);
            let expected = here(&expected);
            assert!(fits(&answer, &expected), "{call}\ngave\n{answer}\ninstead of\n{expected}");
        }
        drop(demo);
        std::fs::remove_dir_all(&dir).unwrap();
    }

    /// Each call and the answer that follows it.
    fn calls() -> Vec<(String, String)> {
        let mut parts = README.split("\n```bash\n").skip(1);
        let of = |part: &str| {
            let (call, rest) = part.split_once("\n```\n").unwrap();
            let answer = rest.split("\n```json\n").nth(1).unwrap().split("\n```\n").next().unwrap();
            (call.to_owned(), answer.to_owned())
        };
        parts.by_ref().map(of).collect()
    }

    fn run(call: &str, dir: &Path) -> String {
        let beside = Path::new(env!("CARGO_BIN_EXE_mylife")).parent().unwrap();
        let path = format!("{}:{}", beside.display(), std::env!("PATH"));
        let output = Command::new("bash")
            .args(["-euc", call])
            .env("PATH", path)
            .current_dir(dir)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Are the pieces between the dots there, in order, from the first byte to the last?
    fn fits(answer: &str, expected: &str) -> bool {
        let pieces: Vec<&str> = expected.trim().split('…').collect();
        let (first, last) = (pieces[0], pieces[pieces.len() - 1]);
        let mut rest = answer.trim();
        if !rest.starts_with(first) || !rest.ends_with(last) {
            return false;
        }
        for piece in pieces {
            match rest.find(piece) {
                Some(at) => rest = &rest[at + piece.len()..],
                None => return false,
            }
        }
        true
    }
}
