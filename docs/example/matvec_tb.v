// The test bench of matvec.v: memories and expected rows from files, rows compared bit for bit.
// With +stall the reader of the rows is often not ready.
module matvec_tb;
  parameter ROWS = 8;
  parameter BLOCKS = 4;

  reg [135:0] w [0:ROWS*BLOCKS-1];
  reg [135:0] x [0:BLOCKS-1];
  reg [31:0]  expected [0:ROWS-1];

  reg clk = 0, rst = 1, start = 0, y_ready = 0;
  wire busy, read, y_valid;
  wire [15:0] w_address, x_address;
  wire [31:0] y_data;
  reg [135:0] w_data, x_data;

  matvec #(.ROWS(ROWS), .BLOCKS(BLOCKS)) dut (
    .clk(clk), .rst(rst), .start(start), .busy(busy), .read(read),
    .w_address(w_address), .w_data(w_data), .x_address(x_address), .x_data(x_data),
    .y_valid(y_valid), .y_ready(y_ready), .y_data(y_data)
  );

  always #5 clk = ~clk;

  always @(posedge clk) if (read) begin
    w_data <= w[w_address];
    x_data <= x[x_address];
  end

  integer rows = 0, errors = 0, cycles = 0, seed = 1, run;
  reg stall;

  always @(posedge clk) begin
    if (busy) cycles = cycles + 1;
    if (y_valid & y_ready) begin
      if (rows >= ROWS || y_data !== expected[rows % ROWS]) begin
        $display("row %0d is %h, expected %h", rows, y_data, expected[rows % ROWS]);
        errors = errors + 1;
      end
      rows = rows + 1;
    end
  end

  // Inputs change away from the rising edge.
  always @(negedge clk) y_ready <= ~stall | ($random(seed) % 4 == 0);

  initial begin
    stall = $test$plusargs("stall");
    $readmemh("w.hex", w);
    $readmemh("x.hex", x);
    $readmemh("y.hex", expected);
    repeat (3) @(negedge clk);
    rst = 0;
    for (run = 0; run < 3; run = run + 1) begin
      rows = 0;
      cycles = 0;
      @(negedge clk) start = 1;
      @(negedge clk) start = 0;
      while (busy) @(negedge clk);
      if (rows != ROWS) errors = errors + 1;
      $display("%0d rows in %0d cycles", rows, cycles);
    end
    $display("%s", errors == 0 ? "PASS" : "FAIL");
    $finish;
  end

  initial begin
    #1000000 $display("FAIL: too long");
    $finish;
  end
endmodule
