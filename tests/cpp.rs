//! C++: what the language and its library do beside what C does.

use faasm_testkit::{Server, cpp};

#[tokio::test]
async fn the_language_and_its_library_work() {
    let server = Server::start().await;
    let program = cpp(r#"
        #include <algorithm>
        #include <functional>
        #include <iomanip>
        #include <iostream>
        #include <map>
        #include <memory>
        #include <numeric>
        #include <optional>
        #include <set>
        #include <sstream>
        #include <string>
        #include <unordered_map>
        #include <variant>
        #include <vector>

        struct Shape {
            virtual ~Shape() { std::cout << "~" << name() << " "; }
            virtual double area() const = 0;
            std::string name() const { return "shape"; }
        };
        struct Square : Shape {
            double side;
            explicit Square(double s) : side(s) {}
            double area() const override { return side * side; }
        };
        struct Circle : Shape {
            double area() const override { return 3.0; }
        };
        template <typename T> T twice(T value) { return value + value; }

        int main(int argc, char **argv)
        {
            std::string line;
            std::vector<std::string> words;
            while (std::cin >> line) words.push_back(line);
            std::sort(words.begin(), words.end());
            for (const auto &word : words) std::cout << word << ' ';
            {
                std::vector<std::unique_ptr<Shape>> shapes;
                shapes.push_back(std::make_unique<Square>(2));
                shapes.push_back(std::make_unique<Circle>());
                double sum = 0;
                for (const auto &shape : shapes) sum += shape->area();
                std::cout << sum << ' ';
            }
            std::map<std::string, int> ordered{{"b", 2}, {"a", 1}};
            std::unordered_map<int, std::string> hashed{{7, "seven"}};
            std::set<int> numbers{3, 1, 2, 3};
            std::variant<int, std::string> either = std::string("text");
            std::optional<int> none;
            auto shared = std::make_shared<int>(5);
            std::function<int(int)> add = [shared](int n) { return n + *shared; };
            std::ostringstream out;
            out << std::hex << std::setw(6) << std::setfill('0') << 255;
            std::cout << ordered.begin()->first << hashed[7] << numbers.size()
                      << std::get<std::string>(either) << none.value_or(9) << add(1)
                      << twice(std::string("ab")) << twice(21) << shared.use_count() << out.str()
                      << std::accumulate(numbers.begin(), numbers.end(), 0) << argc << argv[0];
            return 0;
        }"#);
    server.put("demo/f", program).await;
    let answer = server.call("demo/f", "pear apple\nfig").await.expect(200);
    assert_eq!(
        answer.text(),
        "apple fig pear 7 ~shape ~shape aseven3text96abab4220000ff61function.wasm"
    );
}

/// Counts its constructions and destructions in what it prints.
const GLOBALS: &str = r#"
    #include <cstdio>
    #include <cstdlib>
    #include <iostream>
    #include <faasm/faasm.h>
    static int constructed = 0;
    struct Global {
        const char *name;
        explicit Global(const char *n) : name(n) { constructed++; std::cout << "+" << name << " "; }
        ~Global() { std::cout << "-" << name << " "; }
    };
    static Global first("first");
    static Global second("second");
    Global &lazy() { static Global one("lazy"); return one; }
    "#;

#[tokio::test]
async fn static_objects_are_made_once_and_destroyed_once() {
    let server = Server::start().await;
    let main = r#"
        int chained() { lazy(); std::cout << "chained " << constructed << " "; return 0; }
        int main()
        {
            lazy(); lazy();
            std::cout << "main " << constructed << " ";
            char mode[8] = {0};
            faasmGetInput(mode, 7);
            if (mode[0] == 'e') exit(0);
            if (mode[0] == 'q') _Exit(0);
            if (mode[0] == 'c') return faasmAwaitCall(faasmChain(chained, nullptr, 0));
            return 0;
        }"#;
    server.put("demo/f", cpp(&format!("{GLOBALS}{main}"))).await;
    let whole = "+first +second +lazy main 3 -lazy -second -first ";
    for _ in 0..2 {
        assert_eq!(server.call("demo/f", "").await.expect(200).text(), whole);
    }
    assert_eq!(
        server.call("demo/f", "exit").await.expect(200).text(),
        whole
    );
    let quick = server.call("demo/f", "quick").await.expect(200).text();
    assert!(!quick.contains('-'), "{quick}");

    let answer = server.call("demo/f", "chain").await.expect(200);
    assert_eq!(answer.text(), whole);
    let id = answer.header("faasm-call-id");
    let graph = server.get(&format!("/calls/{id}/graph")).await.json();
    let child = &graph["root"]["chained"][0]["msg"]["id"];
    let record = server.get(&format!("/calls/{child}")).await.text();
    assert_eq!(
        record,
        format!("SUCCESS: {}", whole.replace("main", "chained"))
    );

    let zygote = format!("{GLOBALS}{main} FAASM_ZYGOTE() {{ constructed += 100; return 0; }}");
    server.put("demo/f", cpp(&zygote)).await;
    let answer = server.call("demo/f", "").await.expect(200);
    // The constructors have run, and printed, before the image was taken.
    let rest = whole.trim_start_matches("+first +second ");
    assert_eq!(answer.text(), rest.replace("main 3", "main 103"));
}

#[tokio::test]
async fn what_is_thrown_ends_the_call_by_its_name() {
    let server = Server::start().await;
    // Linked libraries may throw; the flag gives this program what they were compiled with.
    let throws = cpp(r#"
        #include <map>
        #include <optional>
        #include <stdexcept>
        #include <string>
        #include <vector>
        #include <new>
        #include <faasm/faasm.h>
        extern "C" void *__cxa_allocate_exception(size_t) noexcept;
        extern "C" void __cxa_throw(void *, void *, void (*)(void *));
        struct Mine { int number; };
        template <typename T, typename... A> void raise(A... a)
        {
            void *place = __cxa_allocate_exception(sizeof(T));
            new (place) T(a...);
            __cxa_throw(place, const_cast<std::type_info *>(&typeid(T)), nullptr);
        }
        int main()
        {
            char mode[16] = {0};
            faasmGetInput(mode, 15);
            std::string what(mode);
            if (what == "runtime") raise<std::runtime_error>("it went wrong");
            if (what == "logic") raise<std::invalid_argument>("bad\nargument");
            if (what == "int") raise<int>(5);
            if (what == "mine") raise<Mine>(Mine{1});
            if (what == "at") return std::vector<int>{1, 2, 3}.at(std::stoi("7"));
            if (what == "stoi") return std::stoi("none");
            return 0;
        }"#);
    server.put("demo/f", throws).await;
    let _ = server.call("demo/f", "").await.expect(200);
    for (mode, what) in [
        (
            "runtime",
            "C++ exception thrown: std::runtime_error: it went wrong",
        ),
        (
            "logic",
            "C++ exception thrown: std::invalid_argument: badargument",
        ),
        ("int", "C++ exception thrown: int"),
        ("mine", "C++ exception thrown: Mine"),
    ] {
        let text = server.call("demo/f", mode).await.expect(500).text();
        assert!(text.contains(what) && text.contains("(in "), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
    // A library without exceptions aborts where it would throw.
    for mode in ["at", "stoi"] {
        let call = server.call_json("demo/f", mode).await;
        assert_eq!(call["reason"]["code"], "trap", "{call}");
    }
}
