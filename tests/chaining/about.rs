//! What a call can ask about itself and the deployment.

use faasm_testkit::Server;

use super::caller;

#[tokio::test]
async fn flags_and_variables_of_the_deployment_reach_functions() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("faasm.toml");
    std::fs::write(
        &config,
        "[env]\nREGION = \"eu\"\n[flags]\nFAST = 1\nLEVEL = 42\nOFF = 0\n",
    )
    .unwrap();
    let args = ["--config".to_owned(), config.display().to_string()];
    let server = Server::builder().args(args).start().await;
    let flags = caller(
        r#"int main(void)
        {
            printf("%u %u %u %u %s", faasmConfFlag("FAST"), getConfFlag("LEVEL"),
                   faasmConfFlag("OFF"), faasmConfFlag("unknown"), getenv("REGION"));
            return 0;
        }"#,
    );
    server.put("demo/f", flags).await;
    let answer = server.call("demo/f", "").await.expect(200);
    assert_eq!(answer.text(), "1 42 0 0 eu");
}

#[tokio::test]
async fn a_backtrace_goes_to_standard_error() {
    let server = Server::start().await;
    let trace = caller(
        r#"
        __attribute__((noinline)) static int inner(int depth) { __faasm_backtrace(depth); return depth + 1; }
        __attribute__((noinline)) static int outer(int depth) { return inner(depth) + 1; }
        int main(void)
        {
            char text[8] = {0};
            faasmGetInput(text, 7);
            return outer(atoi(text)) < -100;
        }"#,
    );
    server.put("demo/f", trace).await;
    let two = server.call_json("demo/f", "2").await;
    assert_eq!(two["stdout"], "");
    let lines: Vec<_> = two["stderr"].as_str().unwrap().lines().collect();
    assert_eq!(lines.len(), 2, "{two}");
    assert!(
        lines[0].starts_with("#0 ") && lines[0].contains("inner"),
        "{two}"
    );
    for all in ["0", "-1", "1000"] {
        let call = server.call_json("demo/f", all).await;
        let lines = call["stderr"].as_str().unwrap().lines().count();
        assert!(lines > 2, "{call}");
    }
}

#[tokio::test]
async fn the_names_of_a_python_call_are_empty_in_a_c_function() {
    let server = Server::start().await;
    let python = caller(
        r#"
        #include <faasm/host_interface.h>
        int main(void)
        {
            unsigned char user[8] = "......", func[8] = "......", entry[8] = "......";
            __faasm_get_py_user(user, 8);
            __faasm_get_py_func(func, 8);
            __faasm_get_py_entry(entry, 0);
            printf("'%s' '%s' '%s'", user, func, entry);
            if (faasmGetInputSize() > 0) __faasm_chain_py("main", NULL, 0);
            return 0;
        }"#,
    );
    server.put("demo/f", python).await;
    let answer = server.call("demo/f", "").await.expect(200);
    assert_eq!(answer.text(), "'' '' '......'");
    let text = server.call("demo/f", "chain").await.expect(500).text();
    assert!(
        text.contains("__faasm_chain_py: this is not a Python function"),
        "{text}"
    );
}
